"""The rows of a manifest, looked at one by one: verified recording and normalised reference, or what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tune_asr.errors import Problem
from tune_asr.speech.audio import AudioError, AudioInfo, probe, verify
from tune_asr.speech.corpus import FileAudio, Utterance
from tune_asr.speech.frames import WINDOW_MILLISECONDS, min_samples, num_samples_at
from tune_asr.speech.manifest import Row
from tune_asr.speech.normalizer import TextNormalizer


@dataclass(frozen=True, slots=True)
class Recording:
    """A verified recording, as it lies on this machine.

    Attributes:
        path: absolute, symbolic links followed.
        info: what its header says.
        num_bytes: size of the file.
        mtime_ns: when it was last written.
    """

    path: Path
    info: AudioInfo
    num_bytes: int
    mtime_ns: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.info.num_frames / self.info.sample_rate


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that can be used, the recording that it names, and the utterance that they make."""

    row: Row
    recording: Recording
    utterance: Utterance


def inspect_rows(
    rows: Sequence[Row], normalizer: TextNormalizer, sample_rate: int, *, decode: bool = True
) -> tuple[list[Entry], list[Problem]]:
    """Verify the recordings of `rows`, several at a time, and normalise their texts.

    Args:
        rows: the good rows of one manifest.
        normalizer: makes the references.
        sample_rate: of the features, in Hz: it decides which recordings are too short for a single frame.
        decode: decode recordings where only that tells whether they are whole; false: trust their headers.

    Returns:
        The rows that can be used, and a `Problem` for each of the others, both in the order of `rows`.
    """
    entries, problems = [], []
    look = partial(_verified, sample_rate=sample_rate, decode=decode)
    with ThreadPoolExecutor() as pool:
        recordings = list(pool.map(look, (row.audio for row in rows)))
    for row, recording in zip(rows, recordings, strict=True):
        text = normalizer(row.text)
        if isinstance(recording, Recording) and text:
            utterance = Utterance(id=row.id, text=text, seconds=recording.seconds, audio=FileAudio(row.audio))
            entries.append(Entry(row, recording, utterance))
        else:
            mistakes = [recording] if isinstance(recording, str) else []
            mistakes += [] if text else [_why_empty(row.text, normalizer)]
            problems.append(Problem(row.place, "; ".join(mistakes)))
    return entries, problems


def _verified(path: Path, sample_rate: int, decode: bool) -> Recording | str:
    """Return the recording, or what is wrong with it."""
    try:
        info = verify(path) if decode else probe(path)
    except AudioError as error:
        return f"{path} {error}"
    status = path.stat()
    recording = Recording(path.resolve(), info, status.st_size, status.st_mtime_ns)
    if num_samples_at(recording.seconds, sample_rate) < min_samples(sample_rate):
        return f"{path} lasts {recording.seconds:.4f} s, less than one window of {WINDOW_MILLISECONDS} ms"
    return recording


def _why_empty(text: str, normalizer: TextNormalizer) -> str:
    """Name the setting that took the last character of a text."""
    if replace(normalizer, digits="keep")(text):
        rule = "text.digits: remove leaves nothing of it"
    elif replace(normalizer, punctuation="keep")(text):
        rule = "text.punctuation: remove leaves nothing of it"
    else:
        rule = "it has no letter and no number"
    return f"the text {text[:40]!r} is empty once normalised: {rule}"
