"""Folders of Kaldi, LibriSpeech and Hugging Face -> records.

    Kaldi         wav.scp (id, path) and text (id, transcript); optional segments (id, recording, start, end) and
                  utt2spk. Other files, such as spk2gender, are ignored. Pipes are refused, never run.
    LibriSpeech   NAME.trans.txt at any depth (id, transcript), with the recordings beside it, id.flac and the like
    audiofolder   metadata.jsonl or metadata.csv, which is then the manifest

Relative paths start at the folder, in wav.scp too, so that they do not depend on the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

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
_TO_THE_END = -1.0  # in Kaldi's segments, the end of the recording

Place: TypeAlias = tuple[str, int]  # file, number of the line
PlacedMistakes: TypeAlias = dict[Place, str]
Records: TypeAlias = Iterator[tuple[Place, Record]]


def listing_files(path: Path) -> list[Path]:
    """Return the files of a manifest, or of a folder."""
    if not path.is_dir():
        return [path]
    in_it = [path / name for kind in ("Kaldi", "audiofolder") for name in MARKS[kind] if (path / name).is_file()]
    return in_it or sorted(path.rglob(*MARKS["LibriSpeech"]))


def read_directory(path: Path, mistakes: PlacedMistakes) -> Records:
    """Yield records of a Kaldi or LibriSpeech folder, with places.

    Bad lines are added to `mistakes`.

    Raises:
        DataError: the folder is neither, or a file is missing or cannot be read.
    """
    if (path / "wav.scp").exists():
        yield from _kaldi(path, mistakes)
    elif transcripts := sorted(path.rglob(*MARKS["LibriSpeech"])):
        for transcript in transcripts:
            yield from _librispeech(transcript, path, mistakes)
    else:
        manifests = sorted(file.name for file in path.glob("*") if file.suffix.lower() in READERS)
        hint = "Name a manifest (.jsonl, .csv, .tsv), or a folder in one of these layouts."
        hint = f"Name one of its files: {', '.join(manifests[:5])}." if manifests else hint
        wanted = ", ".join(f"{names[0]} ({kind})" for kind, names in MARKS.items())
        raise DataError(Problem(str(path), f"the directory holds none of {wanted}", hint))


def _kaldi(path: Path, mistakes: PlacedMistakes) -> Records:
    recordings = _table(path / "wav.scp", mistakes)
    texts = _table(path / "text", mistakes)
    speakers = _table(path / "utt2spk", mistakes) if (path / "utt2spk").exists() else {}
    has_segments = (path / "segments").exists()
    # The file with one line for each utterance, which is a row.
    utterances = _table(path / "segments", mistakes) if has_segments else recordings
    for utterance, (place, value) in utterances.items():
        record: dict[str, str | float] = {"id": utterance}
        recording = utterance
        if has_segments:
            try:
                recording, *ends = value.split()
                start, end = map(float, ends)
            except ValueError:
                mistakes[place] = f"{utterance} {value!r}: must be a recording, a start and an end in seconds"
                continue
            record |= {"offset": start} if end == _TO_THE_END else {"offset": start, "end": end}
        audio = recordings.get(recording, (None, ""))[1]
        wrong = []
        if recording not in recordings:
            wrong.append(f"its recording {recording} is not in wav.scp")
        elif audio.endswith("|"):
            wrong.append(f"{audio!r} is a command, which is never run; write its output to a file and name that")
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
    """Return places and lines of a Kaldi file."""
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
            mistakes[place] = f"{key} is repeated, first in line {lines[key][0][1]}"
        else:
            lines[key] = (place, "".join(rest).strip())
    mistakes.update({(str(path), number): what for number, what in here.items()})
    return lines
