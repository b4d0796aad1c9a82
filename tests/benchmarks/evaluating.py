"""A bundle through the door's own function, beside its three parts called bare."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.features import RATE, Noise
from tests.benchmarks.searches import REPOSITORY
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tune_asr.evaluate.model import Model
    from tune_asr.speech.corpus import Utterance

UTTERANCES = 600
TURNS = 7


def measure() -> list[Row]:
    """Both in turns, on the smallest bundle there is: what the door adds weighs most beside it."""
    import numpy as np

    from tune_asr.evaluate.decoding import transcribe
    from tune_asr.evaluate.model import open_model
    from tune_asr.speech.corpus import Utterance

    model = open_model(REPOSITORY / "tests/assets/bundle-0.1.0", "bundle", None, print)
    random = np.random.default_rng(0)
    waveforms = [
        random.uniform(-1, 1, int(size)).astype(np.float32) for size in random.integers(8000, 64000, UTTERANCES)
    ]
    utterances = [
        Utterance(id=str(i), text="a", seconds=len(waveform) / RATE, audio=Noise(waveform))
        for i, waveform in enumerate(waveforms)
    ]
    ways: dict[str, Callable[[Model, list[Utterance]], object]] = {"door": transcribe, "bare": bare}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            began = time.process_time()
            way(model, utterances)
            found[name].append(time.process_time() - began)
    speech = sum(utterance.seconds for utterance in utterances)
    ratios = [door / alone for door, alone in zip(found["door"], found["bare"], strict=True)]
    return [
        Row(claim="bundle by evaluate, over its parts called bare", value=median(ratios), unit="x", at_most=1.1),
        Row(claim="  over real time, one thread", value=speech / median(found["door"]), unit="x"),
    ]


def bare(model: Model, utterances: list[Utterance]) -> list[list[int]]:
    """Features, onnxruntime and best paths, in the batches of the door and without anything about them."""
    from tune_asr.evaluate.decoding import batches
    from tune_asr.inference.filter_bank import fbank
    from tune_asr.inference.recogniser import BundleRecogniser, greedy, padded
    from tune_asr.inference.session import OUTPUTS

    recogniser = model.recogniser
    assert isinstance(recogniser, BundleRecogniser)
    import numpy as np

    features = [fbank(utterance.audio.samples()[0], RATE, recogniser.num_mel_bins) for utterance in utterances]
    paths: list[list[int]] = []
    for batch in batches([len(frames) for frames in features], model.batching):
        x = padded([features[i] for i in batch])
        lengths = np.array([len(features[i]) for i in batch], np.int64)
        paths += greedy(*recogniser.session.run(OUTPUTS, {"x": x, "x_lens": lengths}), recogniser.blank_id)
    return paths
