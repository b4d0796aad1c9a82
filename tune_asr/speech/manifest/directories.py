"""Directories that list recordings and transcripts: Kaldi's, LibriSpeech's, and a folder of Hugging Face's.

    Kaldi         wav.scp (id, path) and text (id, transcript); segments (id, recording, start, end) and utt2spk where
                  they are there. Other files, such as spk2gender, are ignored. Nothing is ever run: a pipe is refused.
    LibriSpeech   NAME.trans.txt at any depth (id, transcript); beside each lie the recordings, id.flac and the like
    audiofolder   metadata.jsonl or metadata.csv, which is then the manifest

Relative paths start at the directory, in wav.scp too, so that they mean the same wherever a command is run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.fields import Record
from tune_asr.speech.manifest.formats import READERS, Mistakes, decoded_lines
from tune_asr.storage.files import reason_unusable

MARKS = {
    "Kaldi": ("wav.scp", "text", "segments", "utt2spk"),
    "LibriSpeech": ("*.trans.txt",),
    "audiofolder": ("metadata.jsonl", "metadata.csv"),
}
_ENDINGS = (".flac", ".wav", ".ogg", ".mp3")
_TO_THE_END = -1.0  # what Kaldi writes into segments in place of an end

Place: TypeAlias = tuple[str, int]  # file, number of the line
PlacedMistakes: TypeAlias = dict[Place, str]
Records: TypeAlias = Iterator[tuple[Place, Record]]


def listing_files(path: Path) -> list[Path]:
    """Return the files that say what belongs to the manifest at `path`: itself, or those in a directory."""
    if not path.is_dir():
        return [path]
    in_it = [path / name for kind in ("Kaldi", "audiofolder") for name in MARKS[kind] if (path / name).is_file()]
    return in_it or sorted(path.rglob(*MARKS["LibriSpeech"]))


def read_directory(path: Path, mistakes: PlacedMistakes) -> Records:
    """Yield the records of a Kaldi or a LibriSpeech directory, each with its place; bad lines go into `mistakes`.

    Raises:
        DataError: it is neither, or a file of it is missing or cannot be read.
    """
    if (path / "wav.scp").exists():
        yield from _kaldi(path, mistakes)
    elif transcripts := sorted(path.rglob(*MARKS["LibriSpeech"])):
        for transcript in transcripts:
            yield from _librispeech(transcript, path, mistakes)
    else:
        manifests = sorted(file.name for file in path.glob("*") if file.suffix.lower() in READERS)
        hint = f"name one of its files: {', '.join(manifests[:5])}" if manifests else ""
        wanted = ", ".join(f"{names[0]} ({kind})" for kind, names in MARKS.items())
        raise DataError(Problem(str(path), f"the directory holds none of {wanted}", hint))


def _kaldi(path: Path, mistakes: PlacedMistakes) -> Records:
    recordings = _table(path / "wav.scp", mistakes)
    texts = _table(path / "text", mistakes)
    speakers = _table(path / "utt2spk", mistakes) if (path / "utt2spk").exists() else {}
    has_segments = (path / "segments").exists()
    # The file that lists the utterances, each of which is a row.
    utterances = _table(path / "segments", mistakes) if has_segments else recordings
    for utterance, (place, value) in utterances.items():
        record: dict[str, Any] = {"id": utterance}
        recording = utterance
        if has_segments:
            try:
                recording, *ends = value.split()
                start, end = map(float, ends)
            except ValueError:
                mistakes[place] = f"{utterance} {value!r}: a recording, a start and an end in seconds are wanted"
                continue
            record |= {"offset": start} if end == _TO_THE_END else {"offset": start, "end": end}
        audio = recordings.get(recording, (None, ""))[1]
        wrong = []
        if recording not in recordings:
            wrong.append(f"its recording {recording} is not in wav.scp")
        elif audio.endswith("|"):
            wrong.append(f"{audio!r} is a command, which is never run: write what it gives to a file and name that")
        if utterance not in texts:
            wrong.append(f"{utterance} has no transcript in text")
        if wrong:
            mistakes[place] = "; ".join(wrong)
            continue
        if utterance in speakers:
            record["speaker"] = speakers[utterance][1]
        yield place, {**record, "audio_filepath": audio, "text": texts[utterance][1]}
    known = recordings.keys() if not has_segments else utterances.keys()
    for utterance, (place, _) in texts.items():
        if utterance not in known:
            mistakes[place] = f"{utterance} has no recording in {'segments' if has_segments else 'wav.scp'}"


def _librispeech(transcript: Path, root: Path, mistakes: PlacedMistakes) -> Records:
    for utterance, (place, text) in _table(transcript, mistakes).items():
        candidates = [f"{transcript.parent.relative_to(root) / utterance}{ending}" for ending in _ENDINGS]
        audio = next((name for name in candidates if os.path.exists(root / name)), candidates[0])  # noqa: PTH110
        # SPEAKER-CHAPTER-NUMBER
        speaker = {"speaker": utterance.split("-")[0]} if utterance.count("-") == 2 else {}
        yield place, {"id": utterance, "audio_filepath": audio, "text": text, **speaker}


def _table(path: Path, mistakes: PlacedMistakes) -> dict[str, tuple[Place, str]]:
    """Return the lines of a file of Kaldi's by their first word: where each stands, and what follows."""
    if reason := reason_unusable(path):
        raise DataError(Problem(str(path), reason))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(Problem(str(path), f"cannot be read ({error.strerror})")) from error
    here: Mistakes = {}
    lines: dict[str, tuple[Place, str]] = {}
    for number, line in enumerate(decoded_lines(content, here), start=1):
        if not line.strip():
            continue
        key, *rest = line.split(maxsplit=1)
        place = (str(path), number)
        if key in lines:
            mistakes[place] = f"{key} stands twice, first in line {lines[key][0][1]}"
        else:
            lines[key] = (place, "".join(rest).strip())
    mistakes.update({(str(path), number): what for number, what in here.items()})
    return lines
