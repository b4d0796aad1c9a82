"""What is allowed in a pair of manifests but worth a look, each as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tune_asr.speech.survey.inspection import Entry
from tune_asr.speech.survey.overlaps import Part, count_overlaps, part_of
from tune_asr.speech.survey.report import examples


def remarks_on(train: Sequence[Entry], val: Sequence[Entry], test: Sequence[Entry] = ()) -> Iterator[str]:
    """Yield what is remarkable: overlaps of the splits, repeats in each, numbers that are not read."""
    texts = {entry.utterance.text for entry in train}
    shared_texts = (entry.utterance.text for entry in val if entry.utterance.text in texts)
    yield from _told("texts that stand in training and in validation", shared_texts)

    learned, ruler = _parts(train), _parts(val)
    yield from _told("recordings that stand in training and in validation", _sharing(val, ruler, learned))
    shared = _sharing(test, _parts(test), [*learned, *ruler])
    yield from _told("test recordings that stand in training or validation, whose score is no fair one", shared)

    unread = sorted({name for entry in (*train, *val, *test) for name in entry.row.unread})
    if unread:
        names = f"{', '.join(unread)} {'are' if len(unread) > 1 else 'is'}"
        hint = 'where a part of a recording is meant, call them "start", "end" or "duration", in seconds'
        yield f"rows are whole recordings, for {names} not read: {hint}"

    for name, entries, parts in (("training", train, learned), ("validation", val, ruler)):
        yield from _told(f"recordings that {name} lists more than once", _sharing(entries, parts, parts, more_than=1))


def _told(what: str, found: Iterable[str]) -> Iterator[str]:
    if different := list(dict.fromkeys(found)):
        yield f"{what}: {len(different):,} ({examples(different)})"


def _parts(entries: Iterable[Entry]) -> list[Part]:
    return [part_of(entry.utterance, entry.recording.path) for entry in entries]


def _sharing(
    entries: Sequence[Entry], parts: Sequence[Part], others: Sequence[Part], *, more_than: int = 0
) -> Iterator[str]:
    """The recordings, as written, of the entries whose `parts` overlap more than so many of `others`."""
    for entry, number in zip(entries, count_overlaps(parts, others), strict=True):
        if number > more_than:
            yield entry.row.audio_as_written
