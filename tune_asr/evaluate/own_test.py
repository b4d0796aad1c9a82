"""Test set of the model itself, recognised and put on record."""

from __future__ import annotations

import os
from pathlib import Path

from tune_asr.corpus.sources import has_contents_of, test_manifest
from tune_asr.errors import TuneAsrError
from tune_asr.evaluate.model import Model
from tune_asr.evaluate.result import Result
from tune_asr.record.test_looks import TestLook, record_look
from tune_asr.speech.manifest.listing import paths_of
from tune_asr.storage.atomic import probe_writable


def is_own_test(model: Model, manifest: Path) -> bool:
    """Test if a manifest is the model's `data.test`.

    It is the same path, or one of several, or has the same references and recordings.
    """
    own = test_manifest(model.config)
    if own is not None and os.path.realpath(manifest) in map(os.path.realpath, paths_of(own)):
        return True
    known = own or model.test_fingerprint
    try:
        return known is not None and has_contents_of(model.config, manifest, known)
    except TuneAsrError:  # one of them cannot be read; if it is the given one, the reason comes soon
        return False


def notice(model: Model, manifest: Path) -> str:
    """Return a sentence on a look at the test set."""
    what = f"{manifest} is the test set of {model.path}: it measures once, and chooses nothing"
    if model.chosen is None:
        return f"{what}. A {'bundle' if model.path.is_dir() else 'checkpoint by itself'} keeps no record of this look."
    return f"{what}. This look goes on record in {model.chosen.folder}."


def require_record(model: Model) -> None:
    """Check that a results folder can record the look.

    Raises:
        StorageError: it cannot be written.
    """
    if model.chosen is not None:
        probe_writable(model.chosen.folder, setting="a copy of it")


def record(model: Model, manifest: Path, result: Result) -> None:
    """Put a look on record in the model's results folder.

    A model without one has no record.

    Raises:
        StorageError: it cannot be written.
    """
    chosen = model.chosen
    if chosen is None:
        return
    look = TestLook(
        trial=chosen.trial,
        epoch=chosen.epoch,
        manifest=str(manifest.absolute()),
        utterances=len(result.transcripts),
        words=result.num_words,
        wer=result.wer.value,
        cer=result.cer.value,
    )
    record_look(chosen.folder, look)
