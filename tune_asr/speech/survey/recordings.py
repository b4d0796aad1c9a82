"""Rows of a manifest -> their recordings, verified, and the part of each row.

Silence, level and phase are judged on the part that is trained on, as it is used: one channel, or the mean of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tune_asr.speech.audio.frames import WINDOW_MILLISECONDS, can_resample, min_samples, num_samples_at
from tune_asr.speech.audio.info import AudioError, AudioInfo
from tune_asr.speech.audio.levels import Levels
from tune_asr.speech.audio.opening import open_recording
from tune_asr.speech.audio.recordings import FileAudio, levels_of, missing_channel, probe, verify
from tune_asr.speech.manifest.rows import Row
from tune_asr.speech.progress import watched
from tune_asr.storage.files import content_sample

# Rounded durations and offsets of good manifests differ from the recording by much less than these.
_TOLERATED_SECONDS = 0.1
_TOLERATED_SHARE = 0.01
_GIVE_OFFSET = "give an offset too if it is a part of the recording"
_OPPOSITE = "recordings with channels of opposite phase, which cancel each other, so that the louder one alone is used"

_ONE_CHANNEL = "recordings with but one channel, which is read, though reco2file_and_channel names the second"


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
class Usable:
    """Recording of a row, and the row's part of it."""

    recording: Recording
    part: FileAudio
    remarks: tuple[str, ...] = ()
    """Properties of either that are worth a remark."""

    @property
    def seconds(self) -> float:
        """Duration of the part."""
        num_frames = self.recording.info.num_frames if self.part.num_frames is None else self.part.num_frames
        return num_frames / self.recording.info.sample_rate


@dataclass(frozen=True, slots=True)
class Unusable:
    """Reason for which a row has no audio."""

    what: str
    """Sentence that names the file."""
    hint: str = ""


def inspect_recordings(rows: Sequence[Row], sample_rate: int, *, decode: bool, rules: int) -> list[Usable | Unusable]:
    """Return the audio of each row.

    Each recording is opened once, several at a time.

    Args:
        rows: good rows of one manifest.
        sample_rate: rate of the features, in Hz.
        decode: decode all recordings; else trust their headers.
        rules: `text.rules` of the configuration.
    """
    groups: dict[Path, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.audio, []).append(row)
    inspect = partial(_inspect, sample_rate=sample_rate, decode=decode, rules=rules)
    # libsndfile releases the GIL while it decodes, so threads suffice, and nothing is copied between processes.
    with ThreadPoolExecutor() as pool:
        found = watched(pool.map(inspect, groups.values()), len(groups), "recordings checked")
        of_files = {path: iter(results) for path, results in zip(groups, found, strict=True)}
    return [next(of_files[row.audio]) for row in rows]


def _inspect(rows: Sequence[Row], sample_rate: int, decode: bool, rules: int) -> list[Usable | Unusable]:
    """Return the audio of rows that name one file."""
    path = rows[0].audio
    try:
        return [*(_of_first_rules if rules == 1 else _of_rules)(path, rows, sample_rate, decode)]
    except AudioError as error:
        return [Unusable(f"{path} {error}", error.hint)] * len(rows)
    except OSError as error:  # it was removed after its header was read
        return [Unusable(f"{path} cannot be read ({error.strerror})")] * len(rows)


def _of_first_rules(path: Path, rows: Sequence[Row], sample_rate: int, decode: bool) -> Iterator[Usable | Unusable]:
    """Judge the whole file and ignore channels, as 0.1.0 did."""
    info = (verify if decode else probe)(path, rules=1)
    recording = _recording(path, info)
    for row in rows:
        part = _part(row, recording, sample_rate, 1)
        yield part if isinstance(part, Unusable) else Usable(recording, part)


def _of_rules(path: Path, rows: Sequence[Row], sample_rate: int, decode: bool) -> Iterator[Usable | Unusable]:
    """Judge the parts of a file."""
    opened = open_recording(path)
    recording = _recording(path, opened.info)
    parts = [_part(row, recording, sample_rate, 2) for row in rows]
    good = [part for part in parts if isinstance(part, FileAudio)]
    levels = iter(levels_of(path, opened, good) if decode else [Levels(part.channel) for part in good])
    for row, part in zip(rows, parts, strict=True):
        found = part if isinstance(part, Unusable) else _judged(recording, part, next(levels))
        is_second_of_one = row.is_channel_optional and row.channel and opened.info.channels == 1
        if isinstance(found, Usable) and is_second_of_one:
            found = replace(found, remarks=(*found.remarks, _ONE_CHANNEL))
        yield found


def _judged(recording: Recording, part: FileAudio, levels: Levels) -> Usable | Unusable:
    """Return a part if something can be learnt of it."""
    info = recording.info
    state, detail, hint = levels.mistake(is_float=info.is_float)
    if not state:
        phase = (_OPPOSITE,) if levels.are_opposite else ()
        return Usable(recording, part, (*info.findings, *phase))
    where = "" if part.channel is None else f" in channel {part.channel}"
    if part.num_frames is not None:
        begin, end = (round(sample / info.sample_rate, 3) for sample in (part.start, part.start + part.num_frames))
        where += f" from {begin:.8g} s to {end:.8g} s"
    return Unusable(f"{part.path} is {state}{where}: {detail}", hint)


def _recording(path: Path, info: AudioInfo) -> Recording:
    return Recording(path.resolve(), info, content_sample(path), path.stat().st_mtime_ns)


def _part(row: Row, recording: Recording, sample_rate: int, rules: int) -> FileAudio | Unusable:
    """Return a row's part, or the reason it is unusable."""
    whole, rate = recording.info.num_frames, recording.info.sample_rate
    if not can_resample(rate, sample_rate):
        what = f"{row.audio} has {rate:,} Hz, too odd a rate to resample to {sample_rate:,} Hz; resample it with sox"
        return Unusable(what)
    is_mixed = rules == 1 or (row.is_channel_optional and recording.info.channels == 1)
    channel = None if is_mixed else row.channel
    if channel is not None and (missing := missing_channel(recording.info, channel)):
        return Unusable(f"{row.audio} {missing}")
    start = round((row.offset or 0) * rate)
    end = whole if row.duration is None or row.offset is None else start + round(row.duration * rate)
    if mistake := _span_mistake(row, recording, start, end):
        return Unusable(mistake)
    num_frames = min(end, whole) - start
    if num_samples_at(num_frames / rate, sample_rate) < min_samples(sample_rate):
        length = f"{row.audio} lasts {recording.seconds:.4g} s"
        what = length if num_frames == whole else f"the part of {row.audio} lasts {num_frames / rate:.4g} s"
        return Unusable(f"{what}, less than one window of {WINDOW_MILLISECONDS} ms")
    if num_frames == whole:
        return FileAudio(row.audio, channel=channel, rules=rules)
    return FileAudio(row.audio, start, num_frames, channel, rules)


def _span_mistake(row: Row, recording: Recording, start: int, end: int) -> str:
    """Return why a recording lacks a row's span, or ""."""
    whole, rate = recording.info.num_frames, recording.info.sample_rate
    length = f"{row.audio} lasts {recording.seconds:.4g} s"
    tolerated = max(_TOLERATED_SECONDS, _TOLERATED_SHARE * recording.seconds)
    if row.offset is None and row.duration is not None and abs(row.duration - recording.seconds) > tolerated:
        return f"{length}, but its row says {row.duration:g} s; {_GIVE_OFFSET}"
    if start >= whole or end > whole + _TOLERATED_SECONDS * rate:
        return f"{length}, but its row asks for {start / rate:g} s to {max(start, end) / rate:g} s"
    return ""
