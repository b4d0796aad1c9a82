"""What a report costs, on made-up searches: a person waits for it."""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.doors import cpu_seconds
from tests.benchmarks.table import Row
from tune_asr.record.search_yaml import write_search_yaml
from tune_asr.scoring.scores import score
from tune_asr.space.stopping import Asha

TIME = "2026-01-01T00:00:00.000Z"
DESCRIPTION = {
    "name": "made-up",
    "created": TIME,
    "versions": {},
    "data_fingerprint": None,
    "metric": "val_wer",
    "seed": 17,
    "space": {"asha": {"metric": "objective", "grace_period": 3, "reduction_factor": 3, "max_t": 27}},
    "config": {"trainer": {"max_epochs": 27}},
    "slots": 2,
}
UTTERANCES = 74
HORIZON = 27


def measure() -> list[Row]:
    """CPU seconds of a report, and the memory that the largest one needs."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for trials, goal in ((100, 3), (10_000, None)):
            root = Path(folder, str(trials))
            make_search(root, trials)
            seconds = cpu_seconds("-m", "tune_asr.report", str(root))
            rows.append(Row(claim=f"CPU of report on {trials} trials", value=seconds, at_most=goal))
    # The largest of all child processes so far, which is no other where this row is measured alone.
    mebibytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [*rows, Row(claim="memory of the largest child", value=mebibytes, unit="MiB")]


def make_search(root: Path, trials: int) -> None:
    """Write a results folder of so many trials: ledger, search.yaml, the utterances of each trial's last epoch."""
    generator, asha = np.random.default_rng(0), Asha(grace_period=3, reduction_factor=3, max_t=HORIZON)
    words = generator.integers(1, 14, UTTERANCES)
    (root / "utterances").mkdir(parents=True)
    write_search_yaml(root / "search.yaml", DESCRIPTION)
    with (root / "trials.jsonl").open("w", encoding="utf-8") as ledger:
        for number in (f"{trial:05d}" for trial in range(trials)):
            for event in _trial(number, generator, asha, words, root):
                ledger.write(json.dumps({"time": TIME, "trial": number, **event}) + "\n")


def _trial(number: str, generator: np.random.Generator, asha: Asha, words: Any, root: Path) -> Iterator[dict[str, Any]]:
    hard = float(generator.uniform(0.2, 0.9))
    yield {"event": "created", "params": {"optimizer.lr": hard, "model.dropout": 0.1}, "seed": 1}
    yield {"event": "started", "process": "localhost:4711"}
    for epoch in range(1, HORIZON + 1):
        errors = generator.binomial(words, min(1.0, hard * (0.5 + 1 / epoch)))
        counts = {"words": int(words.sum()), "substitutions": int(errors.sum()), "deletions": 0, "insertions": 0}
        yield _report(number, epoch, counts, float(generator.uniform(0.3, 0.5)))
        wer = counts["substitutions"] / counts["words"]
        decision = asha.decide(epoch, wer) if epoch < HORIZON else None
        if decision:
            yield {"event": "decision", **asdict(decision)}
        if decision and decision.verdict == "stop":
            break
    lines = (
        {"id": f"{k:04d}", "words": int(w), "substitutions": int(e), "deletions": 0, "insertions": 0, "hypothesis": "A"}
        for k, (w, e) in enumerate(zip(words, errors, strict=True))
    )
    (root / "utterances" / f"{number}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    yield {"event": "finished" if epoch == HORIZON else "pruned"}


def _report(number: str, epoch: int, counts: dict[str, int], ease: float) -> dict[str, Any]:
    """Make a line with the keys that a search writes."""
    wer = counts["substitutions"] / counts["words"]
    cer, loss = ease * wer, 4 * ease * wer
    return {
        "event": "report",
        "epoch": epoch,
        "val_wer": wer,
        "val_cer": cer,
        "val_loss": loss,
        "objective": min(wer, 1) + 1e-2 * min(cer, 1) + 1e-4 * loss / (1 + loss),
        "score": score(wer, cer, loss),
        "train_loss": 0.9 * loss,
        "val_blank_share": 0.8,
        "val_empty_share": 0.0,
        "weights": "raw",
        **counts,
        "train_seconds": 0.8125,
        "val_seconds": 0.1875,
        "seconds": 1.0,
        "checkpoint": f"checkpoints/{number}/epoch_{epoch:03d}/checkpoint.ckpt",
        "last": epoch == HORIZON,
    }
