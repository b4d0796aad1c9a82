"""Folders of Kaldi, LibriSpeech and Hugging Face -> records.

    Kaldi         wav.scp, text and others, see `kaldi`
    LibriSpeech   NAME.trans.txt at any depth (id, transcript), with the recordings beside it, id.flac and the like
    audiofolder   metadata.jsonl or metadata.csv, which is then the manifest; LJSpeech has such a metadata.csv

Relative paths start at the folder, in wav.scp too, so that they do not depend on the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest import kaldi
from tune_asr.speech.manifest.fields import ALIASES
from tune_asr.speech.manifest.formats import is_manifest
from tune_asr.speech.manifest.kaldi import Placed, read_kaldi
from tune_asr.speech.manifest.lines import Mistakes, kind_of
from tune_asr.speech.manifest.missing import beside

MARKS = {
    "Kaldi": kaldi.FILES,
    "LibriSpeech": ("*.trans.txt",),
    "audiofolder": ("metadata.jsonl", "metadata.csv"),
}


MOST_FILES = 200_000
"""Files to look through before the first transcript of LibriSpeech."""
_TRANSCRIPT = ".trans.txt"
_START = 4096
_AUDIO_NAMES = ("audio_filepath", *(name for name in ALIASES["audio_filepath"] if name not in ("file", "path")))


def listing_files(path: Path) -> list[Path]:
    """Return the files of a manifest, or of a folder."""
    if not path.is_dir():
        return [path]
    in_it = [path / name for kind in ("Kaldi", "audiofolder") for name in MARKS[kind] if (path / name).is_file()]
    return in_it or _transcripts(path)


def read_directory(path: Path, mistakes: Mistakes, rules: int) -> Iterator[Placed]:
    """Yield records of a Kaldi or LibriSpeech folder, with places.

    Args:
        path: the folder.
        mistakes: bad lines, to which others are added.
        rules: `text.rules`.

    Raises:
        DataError: the folder is neither, or too large to search, or a file is missing or cannot be read.
    """
    if (path / "wav.scp").exists():
        yield from read_kaldi(path, mistakes, rules)
    elif transcripts := _transcripts(path):
        for transcript in transcripts:
            yield from _librispeech(transcript, path, mistakes)
    else:
        manifests = sorted(file.name for file in path.glob("*") if _may_be_named(file))
        hint = "Name a manifest (.jsonl, .csv, .tsv), or a folder in one of these layouts."
        hint = f"Name one of its files: {', '.join(manifests[:5])}." if manifests else hint
        wanted = "wav.scp (Kaldi), *.trans.txt (LibriSpeech), metadata.jsonl or metadata.csv (audiofolder, LJSpeech)"
        raise DataError(Problem(str(path), f"the directory holds none of {wanted}", hint))


def _transcripts(path: Path) -> list[Path]:
    """Return the transcripts of LibriSpeech below a folder.

    Raises:
        DataError: it is the root of the file system, or `MOST_FILES` files hold none, so it is a wrong folder.
    """
    hint = "Name a manifest, or the folder of the corpus itself."
    if path.resolve().parent == path.resolve():
        raise DataError(Problem(str(path), "the root of the file system is no corpus", hint))
    found: list[Path] = []
    seen = 0
    for folder, _, names in os.walk(path):
        found += (Path(folder, name) for name in names if name.endswith(_TRANSCRIPT))
        seen += len(names) + 1
        if not found and seen > MOST_FILES:
            what = f"neither the directory nor the first {MOST_FILES:,} files below it hold a manifest"
            raise DataError(Problem(str(path), f"{what} or NAME{_TRANSCRIPT} of LibriSpeech", hint))
    return sorted(found)


def _may_be_named(path: Path) -> bool:
    """Return True for a likely manifest, no report in JSON."""
    if not is_manifest(path) or not path.is_file():
        return False
    if kind_of(path) != ".json" or path.suffix == ".gz":
        return True
    try:
        with path.open("rb") as file:
            start = file.read(_START)
    except OSError:
        return False
    return any(f'"{name}"'.encode() in start for name in _AUDIO_NAMES)


def _librispeech(transcript: Path, root: Path, mistakes: Mistakes) -> Iterator[Placed]:
    for utterance, (place, text) in kaldi.table(transcript, mistakes).items():
        audio = beside(root, str(transcript.parent.relative_to(root) / utterance))
        # SPEAKER-CHAPTER-NUMBER
        speaker = {"speaker": utterance.split("-")[0]} if utterance.count("-") == 2 else {}
        yield Placed(place, {"id": utterance, "audio_filepath": audio, "text": text, **speaker})
