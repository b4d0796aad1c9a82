"""Rows of a manifest -> verified recordings and normalised references."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tune_asr.errors import Problem
from tune_asr.speech.audio.frames import WINDOW_MILLISECONDS, can_resample, min_samples, num_samples_at
from tune_asr.speech.audio.recordings import AudioError, AudioInfo, FileAudio, missing_channel, probe, verify
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.manifest.missing import why_missing
from tune_asr.speech.manifest.rows import Row
from tune_asr.speech.progress import watched
from tune_asr.speech.text.normalizer import TextNormalizer
from tune_asr.storage.files import MISSING, content_sample

# Rounded durations and offsets of good manifests differ from the recording by much less than these.
_TOLERATED_SECONDS = 0.1
_TOLERATED_SHARE = 0.01
_GIVE_OFFSET = "give an offset too if it is a part of the recording"


@dataclass(frozen=True, slots=True)
class Recording:
    """Verified recording on this machine."""

    path: Path
    """File, absolute, symbolic links followed."""
    info: AudioInfo
    content: str
    """Digest of the file, by `content_sample`."""
    mtime_ns: int
    """Time of modification."""

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.info.num_frames / self.info.sample_rate


@dataclass(frozen=True, slots=True)
class Entry:
    """Usable row with its recording and utterance."""

    row: Row
    recording: Recording
    utterance: Utterance


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
    recordings = _verified(list(dict.fromkeys(row.audio for row in rows)), decode)
    for row in rows:
        text = normalizer(row.text)
        part = _part(row, recordings[row.audio], sample_rate, rules)
        if isinstance(part, FileAudio) and text:
            recording = recordings[row.audio]
            assert isinstance(recording, Recording)
            num_frames = recording.info.num_frames if part.num_frames is None else part.num_frames
            seconds = num_frames / recording.info.sample_rate
            entries.append(Entry(row, recording, Utterance(id=row.id, text=text, seconds=seconds, audio=part)))
        else:
            problems.append(_problem(row, part, None if text else _why_empty(row.text, normalizer)))
    return entries, problems


def _problem(row: Row, part: FileAudio | str, of_text: str | None) -> Problem:
    """Return the problem of a row.

    It stands at the transcript if only that is wrong.
    """
    if isinstance(part, FileAudio):
        return Problem(row.text_place, f"{row.id}: {of_text}") if row.text_place else Problem(row.place, of_text or "")
    if part == f"{row.audio} {MISSING}" and (why := why_missing(row.audio_as_written, row.audio)):
        part = f"{part}; {why}"
    return Problem(row.place, "; ".join(filter(None, (part, of_text))))


def _verified(paths: Sequence[Path], decode: bool) -> dict[Path, Recording | str]:
    """Return each recording, or the reason it is unusable."""
    # libsndfile releases the GIL while it decodes, so threads suffice, and nothing is copied between processes.
    with ThreadPoolExecutor() as pool:
        found = pool.map(partial(_verify, decode=decode), paths)
        return dict(zip(paths, watched(found, len(paths), "recordings checked"), strict=True))


def _verify(path: Path, decode: bool) -> Recording | str:
    try:
        info = verify(path) if decode else probe(path)
        return Recording(path.resolve(), info, content_sample(path), path.stat().st_mtime_ns)
    except AudioError as error:
        return f"{path} {error}"
    except OSError as error:  # it was removed after its header was read
        return f"{path} cannot be read ({error.strerror})"


def _part(row: Row, recording: Recording | str, sample_rate: int, rules: int) -> FileAudio | str:
    """Return a row's audio, or the reason it is unusable."""
    if isinstance(recording, str):
        return recording
    whole, rate = recording.info.num_frames, recording.info.sample_rate
    if not can_resample(rate, sample_rate):
        return f"{row.audio} has {rate:,} Hz, too odd a rate to resample to {sample_rate:,} Hz; resample it with sox"
    channel = None if row.is_channel_optional and recording.info.channels == 1 else row.channel
    if channel is not None and (missing := missing_channel(recording.info, channel)):
        return f"{row.audio} {missing}"
    start = round((row.offset or 0) * rate)
    end = whole if row.duration is None or row.offset is None else start + round(row.duration * rate)
    length = f"{row.audio} lasts {recording.seconds:.4g} s"
    tolerated = max(_TOLERATED_SECONDS, _TOLERATED_SHARE * recording.seconds)
    if row.offset is None and row.duration is not None and abs(row.duration - recording.seconds) > tolerated:
        return f"{length}, but its row says {row.duration:g} s; {_GIVE_OFFSET}"
    if start >= whole or end > whole + _TOLERATED_SECONDS * rate:
        return f"{length}, but its row asks for {start / rate:g} s to {max(start, end) / rate:g} s"
    num_frames = min(end, whole) - start
    if num_samples_at(num_frames / rate, sample_rate) < min_samples(sample_rate):
        what = length if num_frames == whole else f"the part of {row.audio} lasts {num_frames / rate:.4g} s"
        return f"{what}, less than one window of {WINDOW_MILLISECONDS} ms"
    if num_frames == whole:
        return FileAudio(row.audio, channel=channel, rules=rules)
    return FileAudio(row.audio, start, num_frames, channel, rules)


def _why_empty(text: str, normalizer: TextNormalizer) -> str:
    """Return the reason a text is empty after normalisation."""
    if replace(normalizer, digits="keep")(text):
        rule = "text.digits: remove leaves nothing of it"
    elif replace(normalizer, punctuation="keep")(text):
        rule = "text.punctuation: remove leaves nothing of it"
    else:
        rule = "it has no letter and no number"
    return f"the text {text[:40]!r} is empty once normalised: {rule}"
