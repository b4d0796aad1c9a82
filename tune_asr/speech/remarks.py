"""What is allowed in a pair of manifests but worth a look, each as a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tune_asr.speech.data_report import examples
from tune_asr.speech.inspection import Entry

# Manifests round durations, so that much less than these differs from the recording in good ones too.
_TOLERATED_SECONDS = 0.1
_TOLERATED_SHARE = 0.01


def remarks_on(train: Sequence[Entry], val: Sequence[Entry]) -> Iterator[str]:
    """Yield what is remarkable: overlaps of the two splits, and repeats and untrue durations in each."""
    texts = {entry.utterance.text for entry in train}
    shared_texts = (entry.utterance.text for entry in val if entry.utterance.text in texts)
    yield from _told("texts that stand in training and in validation", shared_texts)

    files = {entry.recording.path for entry in train}
    shared_files = (entry.row.audio_as_written for entry in val if entry.recording.path in files)
    yield from _told("recordings that stand in training and in validation", shared_files)

    for name, entries in (("training", train), ("validation", val)):
        counts = Counter(entry.recording.path for entry in entries)
        repeated = (entry.row.audio_as_written for entry in entries if counts[entry.recording.path] > 1)
        yield from _told(f"recordings that {name} lists more than once", repeated)
        untrue = (entry.row.audio_as_written for entry in entries if not _has_true_duration(entry))
        yield from _told(f"recordings of {name} that are not as long as the manifest says", untrue)


def _told(what: str, found: Iterable[str]) -> Iterator[str]:
    if different := list(dict.fromkeys(found)):
        yield f"{what}: {len(different):,} ({examples(different)})"


def _has_true_duration(entry: Entry) -> bool:
    stated, seconds = entry.row.duration, entry.recording.seconds
    return stated is None or abs(stated - seconds) <= max(_TOLERATED_SECONDS, _TOLERATED_SHARE * seconds)
