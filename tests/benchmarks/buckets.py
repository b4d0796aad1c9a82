"""An epoch of batches bucketed by length against one of shuffled batches, on recorded speech."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.benchmarks.searches import REPOSITORY
from tests.benchmarks.table import Row

PAIRS = 3


def measure(data: Path | None) -> list[Row]:
    """Training epochs of configs/manifest.yaml in this process, on one thread, the two kinds in turn."""
    if data is None:
        return [Row(claim="bucketed over shuffled batches: needs --data DIR", value=None)]
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(1 + PAIRS):
        for bucketing, measured in seconds.items():
            measured.append(epoch_seconds(data, bucketing))
    # The first pair is left out: it reads the recordings and warms everything up.
    bucketed, shuffled = (median(seconds[bucketing][1:]) for bucketing in (True, False))
    return [
        Row(claim="an epoch, bucketed over shuffled", value=bucketed / shuffled, unit="", at_most=0.55),
        Row(claim=f"an epoch of bucketed batches, median of {PAIRS}", value=bucketed),
        Row(claim=f"an epoch of shuffled batches, median of {PAIRS}", value=shuffled),
    ]


def epoch_seconds(data: Path, bucketing: bool) -> float:
    """Seconds of the first training epoch on data/train.jsonl."""
    from tune_asr.config.load import load_config
    from tune_asr.config.overrides import parse_assignments
    from tune_asr.training.epochs import EpochResult, Save
    from tune_asr.training.fit import fit

    config = load_config(
        REPOSITORY / "configs/manifest.yaml",
        parse_assignments(
            [
                f"data.train={data.resolve() / 'train.jsonl'}",
                f"data.val={data.resolve() / 'val.jsonl'}",
                f"data.bucketing={str(bucketing).lower()}",
                "trainer.max_epochs=1",
                "trainer.num_threads=1",
            ]
        ),
    )
    seconds: list[float] = []

    def sink(result: EpochResult, _last: bool, _save: Save) -> None:
        seconds.append(result.train_seconds)

    fit(config, sink)
    return seconds[0]
