"""Manifests of a configuration, as `speech.manifest.listing` names them."""

from __future__ import annotations

from pathlib import Path

from tune_asr.config.data_sections import HoldOutSection, Manifests, PairSection
from tune_asr.speech.manifest.listing import Listing, Manifest, Pair


def listing_of(given: Manifests) -> Listing:
    """Return the manifests that `data.train`, `.val` or `.test` give."""
    return tuple(map(_manifest, given)) if isinstance(given, list) else _manifest(given)


def validation_of(given: Manifests | HoldOutSection, train: Manifests) -> Listing:
    """Return the manifests with the validation utterances.

    Utterances that are held out stand in those of training.
    """
    return listing_of(train if isinstance(given, HoldOutSection) else given)


def _manifest(given: str | PairSection) -> Manifest:
    return Path(given) if isinstance(given, str) else Pair(Path(given.recordings), Path(given.supervisions))
