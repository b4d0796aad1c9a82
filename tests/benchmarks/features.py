"""Log-mel features in threads, beside one call of torchaudio an utterance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.table import Row

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tune_asr.training.features.sources import Frames, LiveFeatures

UTTERANCES, SECONDS, RATE, BINS = 1500, 3.0, 8000, 40
TURNS = 3


@dataclass(frozen=True)
class Noise:
    """Samples that cost nothing to read."""

    waveform: npt.NDArray[np.float32]

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Samples and their rate, Hz."""
        return self.waveform, RATE


def measure() -> list[Row]:
    """Both ways with one thread and with two, in turns."""
    import numpy as np

    from tune_asr.speech.corpus import Utterance
    from tune_asr.training.features.sources import LiveFeatures

    waveform = np.random.default_rng(0).uniform(-1, 1, int(SECONDS * RATE)).astype(np.float32)
    utterances = [Utterance(id=str(i), text="a", seconds=SECONDS, audio=Noise(waveform)) for i in range(UTTERANCES)]
    live = LiveFeatures(utterances, RATE, BINS)
    ways: dict[str, Callable[[int], Iterator[Frames]]] = {
        "ours": live._computed,
        "torchaudio": lambda threads: _one_by_one(live, threads),
    }
    speeds: dict[tuple[str, int], list[float]] = {}
    for _ in range(TURNS):
        for name, way in ways.items():
            for threads in (1, 2):
                began = time.monotonic()
                for _frames in way(threads):
                    pass
                speed = UTTERANCES * SECONDS / (time.monotonic() - began)
                speeds.setdefault((name, threads), []).append(speed)
    found = {key: median(values) for key, values in speeds.items()}
    return [
        Row(claim="features over real time, one thread", value=found["ours", 1], unit="x"),
        Row(claim="  two threads", value=found["ours", 2], unit="x"),
        Row(claim="  two threads over one", value=found["ours", 2] / found["ours", 1], unit="", at_least=1.7),
        Row(claim="torchaudio's calls, one thread", value=found["torchaudio", 1], unit="x"),
        Row(claim="  two threads", value=found["torchaudio", 2], unit="x"),
        Row(claim="  ours over them, two threads", value=found["ours", 2] / found["torchaudio", 2], unit=""),
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
