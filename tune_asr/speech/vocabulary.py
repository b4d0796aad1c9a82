"""Vocabulary, under the name that configs/README.md documents for custom data."""

from tune_asr.speech.text.vocabulary import Vocabulary

__all__ = ["Vocabulary"]
