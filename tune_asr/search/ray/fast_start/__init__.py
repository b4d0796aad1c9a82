"""Faster start of a local Ray."""
