"""Searches on one GPU: trials that share it, and a search that is killed and resumed.

    python -m tests.benchmarks gpu pack --data DIR      # under four minutes on a card
    python -m tests.benchmarks gpu resume --data DIR    # under two
    python -m tests.benchmarks gpu packed --data DIR    # what `gpus_per_trial: pack` chooses; under four

They need the package and a folder with train.jsonl and val.jsonl.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

from tests.benchmarks.searches import REPOSITORY, Event, first_steps, when
from tests.benchmarks.table import Row
from tests.ledgers import read_lines
from tune_asr.search.cards.card import Card
from tune_asr.search.cards.nvml import nvml, this_machine
from tune_asr.search.cards.shares import share_of

EPOCHS = {1: 24, 4: 20, 8: 14, 16: 12}
"""Epochs of each trial, by the number of trials on the GPU."""
LOOK_SECONDS = 0.1
LIMIT_SECONDS = 100.0


@dataclass
class Watch:
    """Busy share of a GPU, ten times a second."""

    card: Card
    seen: list[tuple[float, float]] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look in a thread of its own within the block."""
        over = threading.Event()
        thread = threading.Thread(target=self._look, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def busy(self, begin: float, end: float) -> float:
        """Mean busy share in percent between two times; nan if the GPU has no such figure."""
        shares = [share for at, share in self.seen if begin <= at <= end]
        return mean(shares) if shares else math.nan

    def _look(self, over: threading.Event) -> None:
        with nvml() as opened:
            while opened and not over.wait(LOOK_SECONDS):
                if (share := opened.busy_percent(self.card.uuid)) is not None:
                    self.seen.append((time.time(), share))


def pack(data: Path | None) -> list[Row]:
    """Epochs a minute of 1, 4, 8 and 16 trials on one GPU, and how busy it is."""
    card = _card(data)
    if isinstance(card, list) or data is None:
        return card if isinstance(card, list) else []
    cpus = os.cpu_count() or 1
    rows = []
    for trials, epochs in EPOCHS.items():
        watch = Watch(card)
        space = _space(data, trials, epochs, {"gpus_per_trial": share_of(trials), "cpus_per_trial": _cpus(trials)})
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, watch.running():
            _wait(_started(space, Path(folder)), f"{trials} trials")
            events = read_lines(Path(folder, "space", "trials.jsonl"))
        begin = min(first_steps(events).values())
        end = max(when(event) for event in events if event["event"] == "report")
        done = sum(event["event"] == "report" for event in events)
        busy = watch.busy(begin, end)
        goals = (600.0, 85.0) if trials == 16 and cpus >= trials else (None, None)
        rows += [
            Row(claim=f"{trials:2d} trials, epochs", value=60 * done / (end - begin), unit="/min", at_least=goals[0]),
            Row(
                claim="  GPU busy" if not math.isnan(busy) else "  GPU busy: no figure for a part of a GPU",
                value=None if math.isnan(busy) else busy,
                unit="%",
                at_least=goals[1],
            ),
        ]
        print("\n".join(map(str, rows[-2:])), flush=True)
    return rows


def resume(data: Path | None) -> list[Row]:
    """A search with four trials a GPU, killed in the middle and resumed."""
    card = _card(data)
    if isinstance(card, list) or data is None:
        return card if isinstance(card, list) else []
    space = _space(data, 6, 8, {"gpus_per_trial": 0.25, "cpus_per_trial": _cpus(4)})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ledger = Path(folder, "space", "trials.jsonl")
        process = _started(space, Path(folder))
        _wait(process, "the first search", until=lambda: _reports(ledger) >= 8)
        process.kill()
        process.wait()
        killed = _reports(ledger)
        began = time.time()
        _wait(_started(space, Path(folder), resumes=True), "the resumed search")
        events = read_lines(ledger)
    epochs = Counter((event["trial"], event["epoch"]) for event in events if event["event"] == "report")
    ends = Counter(event["event"] for event in events if event["event"] in ("finished", "failed", "diverged"))
    restarted = [when(event) for event in events if event["event"] in ("resumed", "started") and when(event) > began]
    return [
        Row(claim="epochs before the kill", value=killed, unit=""),
        Row(claim="epochs counted twice", value=sum(number - 1 for number in epochs.values()), unit="", at_most=0),
        Row(claim="trials finished, of 6", value=ends["finished"], unit="", at_least=6),
        Row(claim="epochs of all, of 48", value=len(epochs), unit="", at_least=48),
        Row(claim="from the resume to its first step", value=min(restarted) - began),
    ]


def packed(data: Path | None) -> list[Row]:
    """Trials that `gpus_per_trial: pack` puts on the GPU, and what measuring it costs."""
    card = _card(data)
    if isinstance(card, list) or data is None:
        return card if isinstance(card, list) else []
    space = _space(data, 4, 2, {"gpus_per_trial": "pack", "cpus_per_trial": 1})
    space["search"].pop("max_concurrent")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _wait(_started(space, Path(folder)), "the packed search", seconds=230)
        [started] = [e for e in read_lines(Path(folder, "space", "trials.jsonl")) if e["event"] == "search_started"]
    print(started["device_reason"], flush=True)
    return [
        Row(claim="trials on the GPU", value=started["trials_per_device"], unit=""),
        Row(claim="from the command to the first trial", value=started["before_seconds"]),
    ]


def _card(data: Path | None) -> Card | list[Row]:
    """GPU of this machine, or the row that says why there is none."""
    if data is None:
        return [Row(claim="needs --data DIR", value=None)]
    machine = this_machine()
    if not machine.cards:
        hidden = "a GPU: CUDA_VISIBLE_DEVICES hides all" if machine.are_hidden else "a GPU"
        return [Row(claim=f"needs {hidden}", value=None)]
    print(machine.cards[0], flush=True)
    return machine.cards[0]


def _cpus(trials: int) -> float:
    """CPUs of each of some trials, so that all run at once on this machine."""
    return min(1.0, math.floor(100 * len(os.sched_getaffinity(0)) / trials) / 100)


def _space(data: Path, trials: int, epochs: int, resources: Mapping[str, float | str]) -> dict[str, Any]:
    over = {f"data.{split}": str(data.resolve() / f"{split}.jsonl") for split in ("train", "val")}
    return {
        "config": str(REPOSITORY / "configs/manifest.yaml"),
        "over": {**over, "trainer.max_epochs": epochs, "early_stopping.enabled": False},
        "param_space": {"optimizer.lr": {"loguniform": [3e-4, 3e-3]}},
        "search": {"algorithm": "random", "num_samples": trials, "max_concurrent": trials, "stop": "never"},
        "asha": {"mode": "stop", "grace_period": epochs, "max_t": epochs},
        "resources": dict(resources),
    }


def _started(space: Mapping[str, Any], folder: Path, *, resumes: bool = False) -> subprocess.Popen[str]:
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump(dict(space)), encoding="utf-8")
    what = ["--resume", str(folder / "space")] if resumes else ["--space", str(path), "--results", str(folder)]
    # One GPU, as the figures are of one; a part of a GPU (MIG) is named already.
    one = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}
    return subprocess.Popen(
        [sys.executable, "-m", "tune_asr.search", *what],
        cwd=REPOSITORY,
        env={**os.environ, **one, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _wait(
    process: subprocess.Popen[str],
    what: str,
    *,
    until: Callable[[], bool] | None = None,
    seconds: float | None = None,
) -> None:
    """Wait for the end of a process, or for a condition; show its error if it fails or takes too long."""
    seconds = seconds or LIMIT_SECONDS
    end = time.monotonic() + seconds
    while process.poll() is None and not (until and until()):
        if time.monotonic() > end:
            process.terminate()
            raise SystemExit(f"{what}: not done after {seconds:.0f} s\n{process.communicate()[1]}")
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{what}: exit code {process.returncode}\n{process.communicate()[1]}")


def _reports(ledger: Path) -> int:
    events: list[Event] = []
    with suppress(FileNotFoundError, ValueError):
        events = read_lines(ledger)
    return sum(event["event"] == "report" for event in events)
