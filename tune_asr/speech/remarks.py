"""What is allowed in a pair of manifests but worth a look, each as a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tune_asr.speech.data_report import examples
from tune_asr.speech.inspection import Entry


def remarks_on(train: Sequence[Entry], val: Sequence[Entry], test: Sequence[Entry] = ()) -> Iterator[str]:
    """Yield what is remarkable: overlaps of the splits, and repeats in training and validation."""
    texts = {entry.utterance.text for entry in train}
    shared_texts = (entry.utterance.text for entry in val if entry.utterance.text in texts)
    yield from _told("texts that stand in training and in validation", shared_texts)

    files = {_heard(entry) for entry in train}
    shared_files = (entry.row.audio_as_written for entry in val if _heard(entry) in files)
    yield from _told("recordings that stand in training and in validation", shared_files)

    learned_from = files | {_heard(entry) for entry in val}
    shared_files = (entry.row.audio_as_written for entry in test if _heard(entry) in learned_from)
    yield from _told("test recordings that stand in training or validation, whose score is no fair one", shared_files)

    for name, entries in (("training", train), ("validation", val)):
        counts = Counter(map(_heard, entries))
        repeated = (entry.row.audio_as_written for entry in entries if counts[_heard(entry)] > 1)
        yield from _told(f"recordings that {name} lists more than once", repeated)


def _told(what: str, found: Iterable[str]) -> Iterator[str]:
    if different := list(dict.fromkeys(found)):
        yield f"{what}: {len(different):,} ({examples(different)})"


def _heard(entry: Entry) -> tuple[Path, float | None]:
    """The recording and where in it the utterance begins: segments of one recording are no repeats."""
    return entry.recording.path, entry.row.offset
