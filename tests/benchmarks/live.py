"""How soon live searches are good: the engine beside Optuna and Ray, with the same trainings and as many epochs.

    python -m tests.benchmarks live --results DIR                             # five seeds of synthetic speech; hours
    python -m tests.benchmarks live --results DIR --trials 12 --epochs 9 --seeds 1
    python -m tests.benchmarks live --results DIR --data DIR --seeds 1        # DIR has train.jsonl and val.jsonl

For each seed random draws with release 0.1.0's ASHA search first: their lowest CER is the target, and their epochs are
the cap of the others; a search that does not come to the target counts with the cap. The engine runs as its command
does, in one slot. Optuna and Ray are asked and told in one process, whose trainings are the engine's; they minimise
CER, which is what is compared. What is in --results already is not run again.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import median

from optuna.samplers import TPESampler
from pydantic import JsonValue

from tests.benchmarks.peers import OptunaPeer, RayPeer, Setup, optuna_space
from tests.benchmarks.record import space
from tests.benchmarks.searches import run_python
from tests.benchmarks.table import Row
from tests.simulation.curves import Trained
from tests.simulation.simulated import Job, Searcher
from tune_asr.config.load import from_values
from tune_asr.config.overrides import overridden
from tune_asr.config.sections import Config
from tune_asr.record.state import SearchState
from tune_asr.space.plan import hashed, load_plan

ENGINE: Mapping[str, Mapping[str, Mapping[str, JsonValue]]] = {
    "contract": {
        "search": {"algorithm": "random", "include_base": False},
        "asha": {"mode": "stop", "metric": "objective"},
    },
    "auto": {"search": {"algorithm": "auto", "include_base": True}, "asha": {"mode": "waves", "metric": "score"}},
}
PEERS: Mapping[str, Callable[[Setup], Searcher]] = {"optuna": OptunaPeer, "ray": RayPeer}


@dataclass(frozen=True, slots=True)
class Task:
    """What is searched, and how far."""

    data: Path | None
    trials: int
    epochs: int
    results: Path

    def space_file(self, rule: str, seed: int) -> Path:
        """Write the space of a rule of the engine, and return its path."""
        described = space(self.data, self.trials, self.epochs)
        sections = ENGINE[rule]
        described["search"] = {"num_samples": self.trials, "seed": seed, "max_concurrent": 1, **sections["search"]}
        described["asha"] = {"grace_period": 3, "reduction_factor": 2, **sections["asha"]}
        path = self.results / f"{rule}-{seed}.yaml"
        path.write_text(json.dumps(described), encoding="utf-8")
        return path


class _Enough(Exception):
    """End of a training before its horizon."""


def main(argv: Sequence[str]) -> int:
    """Search with each rule and seed, and print how many epochs each needed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks live", description=main.__doc__)
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="folder of searches and traces")
    parser.add_argument("--data", type=Path, metavar="DIR", help="train.jsonl and val.jsonl; default: synthetic speech")
    parser.add_argument("--trials", type=int, default=64, metavar="N", help="default: 64")
    parser.add_argument("--epochs", type=int, default=27, metavar="E", help="horizon (default: 27)")
    parser.add_argument("--seeds", type=int, default=5, metavar="S", help="default: 5")
    arguments = parser.parse_args(argv)
    arguments.results.mkdir(parents=True, exist_ok=True)
    task = Task(arguments.data, arguments.trials, arguments.epochs, arguments.results.resolve())

    print(f"{'':<8}{'target':>8}{'cap':>6}" + "".join(f"{name:>16}" for name in ("auto", *PEERS)))
    needed: dict[str, list[float]] = {name: [] for name in ("auto", *PEERS)}
    for seed in range(1, arguments.seeds + 1):
        first = engine_trace(task, "contract", seed)
        cap, target = len(first), first[-1]
        traces = {"auto": engine_trace(task, "auto", seed)}
        traces |= {name: peer_trace(task, name, seed, cap) for name in PEERS}
        shown = ""
        for name, trace in traces.items():
            epochs = epochs_until(trace[:cap], target)
            needed[name].append(min(epochs, cap))
            shown += f"{f'>{cap}' if math.isinf(epochs) else f'{epochs:.0f}':>9}{trace[:cap][-1]:>7.3f}"
        print(f"seed {seed:<3}{target:>8.3f}{cap:>6}{shown}", flush=True)
    ours, better = median(needed["auto"]), min(median(needed[name]) for name in PEERS)
    row = Row(claim="auto: median epochs, of the better peer's", value=ours / better, unit="", at_most=0.5)
    print(f"\n{row}")
    return int(row.misses)


def engine_trace(task: Task, rule: str, seed: int) -> list[float]:
    """Return the lowest CER after each epoch of a search, run or continued if it is not whole."""
    root = task.results / f"{rule}-{seed}"
    if (root / "search.yaml").exists():
        run_python("-m", "tune_asr.search", "--resume", str(root))
    else:
        run_python("-m", "tune_asr.search", "--space", str(task.space_file(rule, seed)), "--results", str(task.results))
    reports = SearchState.read(root / "trials.jsonl").reports
    return list(accumulate((report.scores.value("val_cer") for report in reports), min))


def peer_trace(task: Task, name: str, seed: int, cap: int) -> list[float]:
    """Return the lowest CER after each epoch of a peer's search, run if it is not there."""
    path = task.results / f"{name}-{seed}.json"
    if not path.exists():
        plan = load_plan(task.space_file("contract", seed))
        described = space(task.data, task.trials, task.epochs)
        sampler = TPESampler(seed=seed)  # multivariate by default
        setup = Setup(optuna_space(described["param_space"]), sampler, cap, task.epochs, "val_cer")
        rates = search_live(PEERS[name](setup), plan.config, seed, cap)
        path.write_text(json.dumps(rates), encoding="utf-8")
    return list(accumulate(json.loads(path.read_text(encoding="utf-8")), min))


def search_live(peer: Searcher, base: Config, seed: int, cap: int) -> list[float]:
    """Train what a peer asks for; return the CER of each epoch.

    Args:
        peer: search at its start.
        base: configuration of every trial, but for the searched keys.
        seed: seed of the search, from which the trials' seeds come.
        cap: number of epochs after which the search ends, within a trial too.
    """
    from tune_asr.training.epochs import Diverged, EpochResult, Save
    from tune_asr.training.fit import fit

    rates: list[float] = []
    while len(rates) < cap and (job := peer.take()):
        values = {**job.params, "seed": int(hashed(seed, job.trial, "seed") * 2**31)}
        config = from_values(overridden(base.model_dump(), values), f"trial {job.trial}")

        def sink(result: EpochResult, last: bool, _save: Save, job: Job = job) -> None:
            job.epoch = result.epoch
            rates.append(result.scores.value("val_cer"))
            stays = peer.report(job, Trained(result.scores, result.train_seconds + result.val_seconds, last))
            if not last and (not stays or len(rates) >= cap):
                raise _Enough

        try:
            fit(config, sink)
        except _Enough:
            pass
        except Diverged:
            peer.diverged(job)
    return rates


def epochs_until(trace: Sequence[float], target: float) -> float:
    """Return the epochs until a CER is reached, infinity if it is not."""
    return next((spent for spent, rate in enumerate(trace, start=1) if rate <= target), math.inf)
