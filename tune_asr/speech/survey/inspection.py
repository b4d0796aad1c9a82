"""Rows of a manifest -> verified recordings and normalised references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tune_asr.errors import Problem
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.manifest.missing import why_missing
from tune_asr.speech.manifest.rows import Row
from tune_asr.speech.survey.recordings import Recording, Unusable, Usable, inspect_recordings
from tune_asr.speech.text.normalizer import TextNormalizer
from tune_asr.storage.files import MISSING
from tune_asr.wording import is_address


@dataclass(frozen=True, slots=True)
class Entry:
    """Usable row with its recording and utterance."""

    row: Row
    recording: Recording
    utterance: Utterance
    remarks: tuple[str, ...] = ()
    """Properties of the recording, or of its part, that are worth a remark."""


def inspect_rows(
    rows: Sequence[Row], normalizer: TextNormalizer, sample_rate: int, *, decode: bool = True, rules: int = 2
) -> tuple[list[Entry], list[Problem]]:
    """Verify the recordings of `rows` and normalise their texts.

    Each recording is verified once, several at a time.

    Args:
        rows: good rows of one manifest.
        normalizer: maker of the references.
        sample_rate: rate of the features, in Hz; it decides which recordings are too short for a frame.
        decode: decode all recordings, which alone shows that they are intact; else trust their headers.
        rules: `text.rules` of the configuration.

    Returns:
        Usable rows, and a `Problem` for each other row, both in the order of `rows`.
    """
    entries, problems = [], []
    hints = set[str]()
    of_place = Counter(row.place for row in rows)
    for row, audio in zip(rows, inspect_recordings(rows, sample_rate, decode=decode, rules=rules), strict=True):
        text = normalizer(row.text)
        if isinstance(audio, Usable) and text:
            utterance = Utterance(id=row.id, text=text, seconds=audio.seconds, audio=audio.part)
            entries.append(Entry(row, audio.recording, utterance, audio.remarks))
        else:
            problem = _problem(row, audio, None if text else _why_empty(row.text, normalizer))
            if of_place[row.place] > 1 and row.has_id and problem.place == row.place:
                problem = replace(problem, what=f"{row.id}: {problem.what}")
            # A hint for hundreds of files is read once.
            problems.append(replace(problem, hint="" if problem.hint in hints else problem.hint))
            hints.add(problem.hint)
    return entries, problems


def _problem(row: Row, audio: Usable | Unusable, of_text: str | None) -> Problem:
    """Return the problem of a row.

    It stands at the transcript if only that is wrong.
    """
    if isinstance(audio, Usable):
        return Problem(row.text_place, f"{row.id}: {of_text}") if row.text_place else Problem(row.place, of_text or "")
    what = audio.what
    if what == f"{row.audio} {MISSING}" and (why := why_missing(row.audio_as_written, row.audio)):
        # A path would write its two slashes as one.
        what = f"{row.audio_as_written} is an address; {why}" if is_address(row.audio_as_written) else f"{what}; {why}"
    return Problem(row.place, "; ".join(filter(None, (what, of_text))), audio.hint)


def _why_empty(text: str, normalizer: TextNormalizer) -> str:
    """Return the reason a text is empty after normalisation."""
    if replace(normalizer, tags="keep")(text):
        rule = "text.tags: remove leaves nothing of it"
    elif replace(normalizer, digits="keep")(text):
        rule = "text.digits: remove leaves nothing of it"
    elif replace(normalizer, punctuation="keep")(text):
        rule = "text.punctuation: remove leaves nothing of it"
    else:
        rule = "it has no letter and no number"
    return f"the text {text[:40]!r} is empty once normalised: {rule}"
