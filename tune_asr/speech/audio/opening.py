"""File -> a recording that can be decoded, whole or in part.

libsndfile decodes WAV, W64, AIFF, FLAC, Ogg and CAF, and is given a file in stretches where it would end too early.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from tune_asr.speech.audio.chunks import Chunks, check_rest, chunks_of, chunks_of_w64, completed_head
from tune_asr.speech.audio.flac import head_with_length
from tune_asr.speech.audio.info import AudioError, AudioInfo, Finding, check_rate
from tune_asr.speech.audio.kinds import foreign_kind, other_container, unknown_kind
from tune_asr.speech.audio.links import links_of
from tune_asr.speech.audio.mp3 import open_mp3
from tune_asr.speech.audio.mp3_frames import after_tags
from tune_asr.speech.audio.spliced import Spliced
from tune_asr.storage.files import reason_unusable

# Containers whose truncated files can be recognised; libsndfile reads more.
_CONTAINERS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "FLAC", "OGG")
_NO_FRAME_COUNT = 2**63 - 1  # libsndfile's value for a FLAC header without a length
_NO_LENGTH = "has no length in its header, which was never completed; encode it again"
_PLAIN_ENDINGS = (".flac", ".wav")
_CUT = "is truncated: the file ends before the samples that its header declares"


class Recording(Protocol):
    """Opened recording."""

    @property
    def info(self) -> AudioInfo:
        """Header."""
        ...

    def blocks(self, start: int, num_frames: int, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield samples from `start`, shape (<= size, channels) each.

        Raises:
            AudioError: they cannot be decoded.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Stream:
    """Stretch of a file that libsndfile reads as one recording."""

    start: int = 0
    end: int | None = None
    """None for the file as it is."""
    head: bytes = b""
    """Bytes that replace those at the beginning."""
    num_frames: int = 0

    def is_plain(self, path: Path) -> bool:
        """Return whether libsndfile may open the file by its name.

        A name that ends in .raw, .gsm or .mp3 would count for more than the content.
        """
        return self.end is None and path.suffix in _PLAIN_ENDINGS

    def opened(self, path: Path, stack: ExitStack) -> soundfile.SoundFile:
        """Open it until the stack is left."""
        if self.is_plain(path):
            # As bytes: soundfile itself refuses names that are not UTF-8.
            return stack.enter_context(soundfile.SoundFile(os.fsencode(path)))
        if self.end is None:
            file = stack.enter_context(path.open("rb"))
            return stack.enter_context(soundfile.SoundFile(file.fileno(), closefd=False))
        source = stack.enter_context(Spliced(path, self.start, self.end, self.head))
        return stack.enter_context(soundfile.SoundFile(source))


@dataclass(frozen=True, slots=True)
class _Native:
    """Recording that libsndfile decodes."""

    path: Path
    info: AudioInfo
    streams: tuple[_Stream, ...]
    still_open: list[soundfile.SoundFile] = field(default_factory=list)
    """File of a plain stream, until `blocks` takes it.

    To open one costs as much as to decode a second of speech.
    """

    def blocks(self, start: int, num_frames: int, size: int) -> Iterator[npt.NDArray[np.float32]]:
        """Yield samples from `start`, shape (<= size, channels) each."""
        begin, last, left = 0, len(self.streams) - 1, num_frames
        for number, stream in enumerate(self.streams):
            first, end = start + num_frames - left - begin, begin + stream.num_frames
            begin = end
            if left and (number == last or first < stream.num_frames):
                wanted = left if number == last else min(left, stream.num_frames - first)
                for samples in self._of_stream(stream, first, wanted, size):
                    left -= len(samples)
                    yield samples
        if left:
            raise AudioError(f"is truncated: {num_frames - left:,} of {num_frames:,} samples are left")

    def _of_stream(self, stream: _Stream, start: int, left: int, size: int) -> Iterator[npt.NDArray[np.float32]]:
        with ExitStack() as stack:
            file = stack.enter_context(self.still_open.pop()) if self.still_open else stream.opened(self.path, stack)
            if start:
                file.seek(start)
            while left:
                samples: npt.NDArray[np.float32] = file.read(min(size, left), dtype="float32", always_2d=True)
                if not len(samples):
                    return
                left -= len(samples)
                yield samples


def open_recording(path: Path) -> Recording:
    """Open a recording by its content, whatever its name.

    Raises:
        AudioError: `path` is missing, no regular file, empty, no audio, without samples, or truncated; or its
            container cannot show truncation.
    """
    if reason := reason_unusable(path):
        raise AudioError(reason)
    try:
        with path.open("rb") as file:
            return _opened(path, file)
    except OSError as error:
        raise AudioError(f"cannot be read ({error.strerror})") from error
    except soundfile.LibsndfileError as error:
        raise AudioError(*unknown_kind(path.suffix, error.error_string)) from error


def _opened(path: Path, file: BinaryIO) -> Recording:
    size, head = path.stat().st_size, file.read(512)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"FORM"):
        return _chunked(path, file, size, chunks_of(file, size))
    if head[:4] == b"riff":
        return _chunked(path, file, size, chunks_of_w64(file, size))
    if start := after_tags(head):  # ID3 may precede any kind
        file.seek(start)
        head = file.read(512)
    if head[:4] == b"OggS":
        links = links_of(file, size)
        return _chained(path, links) if start or len(links) > 1 else _native(path)
    if foreign := foreign_kind(head):
        raise AudioError(*foreign)
    may_be_mp3 = head[:1] in (b"\xff", b"\0") or (start and head[:4] != b"fLaC")
    if may_be_mp3 and (mp3 := open_mp3(path)):
        return mp3
    if head[:1] == b"\xff":  # without frames; the decoder of MP3 would print its complaints
        raise AudioError(*unknown_kind(path.suffix, "Format not recognised"))
    try:
        return _native(path)
    except soundfile.LibsndfileError:
        if path.suffix.lower() == ".mp3" and (mp3 := open_mp3(path)):  # after other data
            return mp3
        raise


def _header(file: soundfile.SoundFile, *findings: Finding) -> AudioInfo:
    """Return the header of a stream."""
    check_rate(file.samplerate)
    is_float = file.subtype in ("FLOAT", "DOUBLE")
    return AudioInfo(file.samplerate, file.channels, file.frames, findings, is_float)


def _native(path: Path, stream: _Stream | None = None, *findings: Finding) -> Recording:
    """Open what libsndfile reads as one recording."""
    stream = stream or _Stream()
    with ExitStack() as stack:
        file = stream.opened(path, stack)
        info = _header(file, *findings)
        if file.format not in _CONTAINERS:
            raise AudioError(*other_container(file.format))
        if info.num_frames == _NO_FRAME_COUNT:
            return _unfinished_flac(path)
        if info.num_frames == 0:
            raise AudioError("holds no samples")
        streams = (replace(stream, num_frames=info.num_frames),)
        if not stream.is_plain(path):
            return _Native(path, info, streams)
        stack.pop_all()  # libsndfile closes it with its object
        return _Native(path, info, streams, [file])


def _chunked(path: Path, file: BinaryIO, size: int, chunks: Chunks | None) -> Recording:
    """Open a WAV, W64 or AIFF file."""
    if chunks is None:
        return _native(path)
    if chunks.are_cut:
        raise AudioError(_CUT)
    check_rest(file, size, chunks)
    if not chunks.has_no_length:
        return _native(path)
    if chunks.is_large:
        raise AudioError(_NO_LENGTH)
    is_empty = chunks.declared == 0 and chunks.is_wav
    stream = _Stream(0, size, completed_head(path, chunks)) if is_empty else None
    return _native(path, stream, Finding.UNFINISHED)


def _chained(path: Path, links: list[tuple[int, int]]) -> Recording:
    """Open successive streams; those without samples are left out."""
    headers = []
    for start, end in links:
        with ExitStack() as stack:
            stream = _Stream(start, end)
            headers.append((stream, _header(stream.opened(path, stack))))
    streams = tuple(replace(stream, num_frames=info.num_frames) for stream, info in headers if info.num_frames)
    infos = [info for _, info in headers if info.num_frames]
    if not infos:
        raise AudioError("holds no samples")
    if len({(info.sample_rate, info.channels) for info in infos}) > 1:
        kinds = sorted({f"{info.sample_rate:,} Hz with {info.channels} channel(s)" for info in infos})
        what = f"holds {len(streams)} streams one after the other, of {' and '.join(kinds)}"
        raise AudioError(what, "Encode it again, for example: ffmpeg -i IN.ogg OUT.flac")
    num_frames = sum(info.num_frames for info in infos)
    findings = (Finding.JOINED,) if len(infos) > 1 else ()
    return _Native(path, replace(infos[0], num_frames=num_frames, findings=findings), streams)


def _unfinished_flac(path: Path) -> Recording:
    """Open a FLAC file without a length."""
    head = head_with_length(path)
    if head is None:
        raise AudioError(_NO_LENGTH)
    return _native(path, _Stream(0, path.stat().st_size, head), Finding.UNFINISHED)
