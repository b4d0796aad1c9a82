"""Vocabulary under its documented name, for custom data."""

from tune_asr.speech.text.vocabulary import Vocabulary

__all__ = ["Vocabulary"]
