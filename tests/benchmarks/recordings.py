"""The check of many recordings, by today's rules and by those of release 0.1.0, which trusted headers."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import soundfile

from tests.benchmarks.table import Row

NUM_FILES = 3000
PAIRS = 5
RATE = 16000
KINDS = ("wav", "flac", "mp3")


def measure() -> list[Row]:
    """Surveys of WAV, FLAC and MP3 in equal numbers, the two rules in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifests = {kind: _files(folder, kind) for kind in KINDS}
        mixed = folder / "mixed.jsonl"
        lines = [manifest.read_text().splitlines()[: NUM_FILES // len(KINDS)] for manifest in manifests.values()]
        mixed.write_text("\n".join(line for of_kind in lines for line in of_kind))
        _, headers = _pair(mixed, decode=False)
        _, decoded = _pair(mixed, decode=True)
        alone, of_mp3 = _pair(manifests["mp3"], decode=False)
    return [
        Row(claim="survey, headers trusted, over 0.1.0", value=headers, unit="", at_most=1.3),
        Row(claim="survey, decoded, over 0.1.0", value=decoded, unit="", at_most=1.3),
        Row(claim="survey of MP3, headers trusted, over 0.1.0", value=of_mp3, unit=""),
        Row(claim=f"survey of {NUM_FILES // len(KINDS):,} MP3, headers trusted", value=alone),
    ]


def _files(folder: Path, kind: str) -> Path:
    """Write recordings of one kind, and return their manifest."""
    generator = np.random.default_rng(0)
    samples = generator.normal(0, 0.05, 4 * RATE) + 0.2 * np.sin(np.arange(4 * RATE) * 0.1)
    soundfile.write(folder / f"one.{kind}", samples, RATE)
    content = (folder / f"one.{kind}").read_bytes()
    rows = []
    for i in range(NUM_FILES // len(KINDS)):
        (folder / f"{i}.{kind}").write_bytes(content)
        rows.append(json.dumps({"audio_filepath": f"{i}.{kind}", "text": f"number {i}", "id": f"{kind}-{i}"}))
    manifest = folder / f"{kind}.jsonl"
    manifest.write_text("\n".join(rows))
    return manifest


def _pair(manifest: Path, *, decode: bool) -> tuple[float, float]:
    """Return the seconds by today's rules, and their ratio to those of 0.1.0."""
    from tune_asr.speech.manifest.rows import read_manifest
    from tune_asr.speech.survey.manifests import inspect_manifest
    from tune_asr.speech.text.normalizer import TextNormalizer

    seconds: dict[int, list[float]] = {1: [], 2: []}
    found = read_manifest(manifest)
    for _ in range(1 + PAIRS):
        for rules, measured in seconds.items():
            start = time.perf_counter()
            inspect_manifest(manifest, found, TextNormalizer(), RATE, decode=decode, rules=rules)
            measured.append(time.perf_counter() - start)
    # The first pair is left out: it brings the files into memory.
    ratios = [today / before for before, today in zip(seconds[1][1:], seconds[2][1:], strict=True)]
    return median(seconds[2][1:]), median(ratios)
