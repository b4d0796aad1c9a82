"""Transcripts -> references -> symbols.

normalizer   transcript -> reference; its parts are forms (Unicode), letter_case, marks (inside words) and tags
vocabulary   references -> characters as symbols
pieces       references -> word pieces as symbols
"""
