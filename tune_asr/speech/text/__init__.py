"""Transcripts -> references -> symbols.

normalizer   transcript -> reference
vocabulary   references -> characters as symbols
pieces       references -> word pieces as symbols
"""
