"""Folders of Kaldi, LibriSpeech and Hugging Face -> records.

    Kaldi         wav.scp, text and others, see `kaldi`
    LibriSpeech   NAME.trans.txt at any depth (id, transcript), with the recordings beside it, id.flac and the like
    audiofolder   metadata.jsonl or metadata.csv, which is then the manifest; LJSpeech has such a metadata.csv

Relative paths start at the folder, in wav.scp too, so that they do not depend on the working directory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest import kaldi
from tune_asr.speech.manifest.formats import is_manifest
from tune_asr.speech.manifest.kaldi import Placed, read_kaldi
from tune_asr.speech.manifest.lines import Mistakes
from tune_asr.speech.manifest.missing import beside

MARKS = {
    "Kaldi": kaldi.FILES,
    "LibriSpeech": ("*.trans.txt",),
    "audiofolder": ("metadata.jsonl", "metadata.csv"),
}


def listing_files(path: Path) -> list[Path]:
    """Return the files of a manifest, or of a folder."""
    if not path.is_dir():
        return [path]
    in_it = [path / name for kind in ("Kaldi", "audiofolder") for name in MARKS[kind] if (path / name).is_file()]
    return in_it or sorted(path.rglob(*MARKS["LibriSpeech"]))


def read_directory(path: Path, mistakes: Mistakes, rules: int) -> Iterator[Placed]:
    """Yield records of a Kaldi or LibriSpeech folder, with places.

    Args:
        path: the folder.
        mistakes: bad lines, to which others are added.
        rules: `text.rules`.

    Raises:
        DataError: the folder is neither, or a file is missing or cannot be read.
    """
    if (path / "wav.scp").exists():
        yield from read_kaldi(path, mistakes, rules)
    elif transcripts := sorted(path.rglob(*MARKS["LibriSpeech"])):
        for transcript in transcripts:
            yield from _librispeech(transcript, path, mistakes)
    else:
        manifests = sorted(file.name for file in path.glob("*") if is_manifest(file))
        hint = "Name a manifest (.jsonl, .csv, .tsv), or a folder in one of these layouts."
        hint = f"Name one of its files: {', '.join(manifests[:5])}." if manifests else hint
        wanted = ", ".join(f"{names[0]} ({kind})" for kind, names in MARKS.items())
        raise DataError(Problem(str(path), f"the directory holds none of {wanted}", hint))


def _librispeech(transcript: Path, root: Path, mistakes: Mistakes) -> Iterator[Placed]:
    for utterance, (place, text) in kaldi.table(transcript, mistakes).items():
        audio = beside(root, str(transcript.parent.relative_to(root) / utterance))
        # SPEAKER-CHAPTER-NUMBER
        speaker = {"speaker": utterance.split("-")[0]} if utterance.count("-") == 2 else {}
        yield Placed(place, {"id": utterance, "audio_filepath": audio, "text": text, **speaker})
