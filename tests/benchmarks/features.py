"""Log-mel features in threads, beside one call of torchaudio an utterance; a hundred hours of recordings."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.table import Row

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tune_asr.training.features.sources import Frames, LiveFeatures

    Way = Callable[[LiveFeatures, int], Iterator[Frames]]

UTTERANCES, SECONDS, RATE, BINS = 1500, 3.0, 8000, 40
TURNS = 3
HUNDRED_HOURS = 360_000.0
VOICES_A_FILE = 3
"""Five seconds together, as utterances of a corpus often have."""


@dataclass(frozen=True)
class Noise:
    """Samples that cost nothing to read."""

    waveform: npt.NDArray[np.float32]
    rate: int = RATE

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Samples and their rate, Hz."""
        return self.waveform, self.rate


def measure() -> list[Row]:
    """Each kind of speech with one thread and with two, in turns; then what a hundred hours take."""
    ours = _speeds(_noise(RATE))
    plain = _speeds(_noise(RATE), _one_by_one)
    resampled, voices = _speeds(_noise(2 * RATE)), _speeds(_voices())
    return [
        Row(claim="features over real time, one thread", value=ours[1], unit="x"),
        Row(claim="  two threads over one", value=ours[2] / ours[1], unit="", at_least=1.7),
        Row(
            claim="  two threads over one, resampled from 16 kHz",
            value=resampled[2] / resampled[1],
            unit="",
            at_least=1.7,
        ),
        Row(claim="  two threads over one, synthetic voices", value=voices[2] / voices[1], unit="", at_least=1.7),
        Row(claim="torchaudio's calls, one thread", value=plain[1], unit="x"),
        Row(claim="  ours over them, two threads", value=ours[2] / plain[2], unit=""),
        *_recorded(),
    ]


def _noise(rate: int) -> LiveFeatures:
    import numpy as np

    from tune_asr.speech.corpus import Utterance
    from tune_asr.training.features.sources import LiveFeatures

    waveform = np.random.default_rng(0).uniform(-1, 1, int(SECONDS * rate)).astype(np.float32)
    audio = Noise(waveform, rate)
    utterances = [Utterance(id=str(i), text="a", seconds=SECONDS, audio=audio) for i in range(UTTERANCES)]
    return LiveFeatures(utterances, RATE, BINS)


def _voices() -> LiveFeatures:
    from tune_asr.config.load import from_values
    from tune_asr.corpus.sources import survey
    from tune_asr.training.features.sources import LiveFeatures

    found = survey(from_values({"data": {"num_train": UTTERANCES}}, "benchmark"))
    assert found is not None
    return LiveFeatures(found.corpus.train, RATE, BINS)


def _speeds(live: LiveFeatures, way: Way | None = None) -> dict[int, float]:
    """Median speed over real time, by the number of threads."""
    seconds = sum(utterance.seconds for utterance in live.utterances)
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(TURNS):
        for threads, found in speeds.items():
            began = time.monotonic()
            for _frames in way(live, threads) if way else live._computed(threads):
                pass
            found.append(seconds / (time.monotonic() - began))
    return {threads: median(found) for threads, found in speeds.items()}


def _recorded() -> list[Row]:
    """Survey and features of FLAC files at 8 kHz, in proportion to a hundred hours."""
    import numpy as np
    import soundfile

    from tune_asr.config.load import from_values
    from tune_asr.corpus.sources import survey
    from tune_asr.training.features.store import build_or_open

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifests = {}
        for split, part in (("train", slice(20, None)), ("val", slice(20))):
            rows = []
            voices = _voices().utterances[part]
            for first in range(0, len(voices), VOICES_A_FILE):
                together = voices[first : first + VOICES_A_FILE]
                samples = np.concatenate([utterance.audio.samples()[0] for utterance in together])
                soundfile.write(folder / f"{together[0].id}.flac", samples, RATE)
                text = " ".join(utterance.text for utterance in together)
                rows.append(json.dumps({"audio_filepath": f"{together[0].id}.flac", "text": text}))
            manifests[split] = str(folder / f"{split}.jsonl")
            Path(manifests[split]).write_text("\n".join(rows), encoding="utf-8")
        config = from_values({"data": {"target": "manifest", **manifests}}, "benchmark")
        times, cpu = [time.monotonic()], time.process_time()
        found = survey(config)
        assert found is not None
        times.append(time.monotonic())
        utterances = found.corpus.train
        build_or_open(utterances, key="k", sample_rate=RATE, num_mel_bins=BINS, max_bytes=2**40, root=folder / "kept")
        times.append(time.monotonic())
        cpu = time.process_time() - cpu
    scale = HUNDRED_HOURS / sum(utterance.seconds for utterance in utterances)
    survey_seconds, feature_seconds = (scale * (end - begin) for begin, end in pairwise(times))
    return [
        Row(claim="a hundred hours of FLAC, survey and features", value=survey_seconds + feature_seconds, at_most=360),
        Row(claim="  features of them", value=feature_seconds),
        Row(claim="  CPU time of both", value=scale * cpu),
    ]


def _one_by_one(live: LiveFeatures, num_threads: int) -> Iterator[Frames]:
    """A call an utterance, as release 0.1.0 made them."""
    from concurrent.futures import ThreadPoolExecutor

    import torch
    import torchaudio

    def made(index: int) -> Frames:
        samples, rate = live.utterances[index].audio.samples()
        frames: Frames = torchaudio.compliance.kaldi.fbank(
            torch.from_numpy(samples)[None],
            num_mel_bins=BINS,
            sample_frequency=rate,
            snip_edges=False,
            low_freq=20,
            high_freq=-400,
        ).numpy()
        return frames

    torchs_own = torch.get_num_threads()
    torch.set_num_threads(1)
    with ThreadPoolExecutor(num_threads) as pool:
        yield from pool.map(made, range(len(live)))
    torch.set_num_threads(torchs_own)
