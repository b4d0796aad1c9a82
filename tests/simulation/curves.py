"""Tables of recorded learning curves, on which searches are replayed.

    Table.of(ResultsFolder("results/real"), "prompts-en")    # of any search that pruned nothing

A table is one gzipped file of JSON lines. The first line describes it: name, metric, horizon, and `param_space` as
search.yaml has it. Each other line is one trial: its params, how it ended, and a list per score with a value per epoch.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from tune_asr.record.folder import ResultsFolder
from tune_asr.record.search_yaml import read_search_yaml
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.scoring.scores import Scores, objective, score
from tune_asr.space.plan import from_values

ASSETS = Path(__file__).parents[1] / "assets"
PROMPTS = ASSETS / "curves-prompts-en.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Trained:
    """Epoch of a trial."""

    scores: Scores
    seconds: float
    last: bool
    """Whether the training ends with it."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One setting, trained to its end. Values of epoch e have index e - 1; None is not finite."""

    params: Mapping[str, JsonValue]
    end: Literal["finished", "diverged"]
    val_wer: Sequence[float | None]
    val_cer: Sequence[float | None]
    val_loss: Sequence[float | None]
    objective: Sequence[float | None]
    seconds: Sequence[float]

    @property
    def epochs(self) -> int:
        """Number of its epochs; fewer than the horizon if it diverged or stopped early."""
        return len(self.seconds)

    def scores(self, epoch: int, metric: Metric = "val_wer") -> Scores:
        """Return the scores of an epoch, from 1.

        Args:
            epoch: number of the epoch.
            metric: error rate that leads the score.
        """
        rates = [column[epoch - 1] for column in (self.val_wer, self.val_cer, self.val_loss)]
        wer, cer, loss = (math.inf if rate is None else rate for rate in rates)
        ranked = score(wer if metric == "val_wer" else cer, cer, loss)
        return Scores(*rates, self.objective[epoch - 1], ranked if math.isfinite(ranked) else None)

    def trained(self, epoch: int, metric: Metric) -> Trained:
        """Return an epoch as its trial reports it."""
        last = epoch == self.epochs and self.end == "finished"
        return Trained(self.scores(epoch, metric), self.seconds[epoch - 1], last)

    def best(self, metric: Metric, epochs: int | None = None) -> float:
        """Return the lowest error rate of the first `epochs` epochs, infinity if it diverged within them."""
        values = getattr(self, metric)[:epochs]
        if self.end == "diverged" and (epochs is None or epochs >= self.epochs):
            return math.inf
        return min((math.inf if value is None else value for value in values), default=math.inf)

    @classmethod
    def of(cls, trial: Trial, metric: Metric) -> Curve:
        """Make the curve of a trial in a ledger."""
        scores = [report.scores for report in trial.reports]
        return cls(
            params=trial.params,
            end="diverged" if trial.status == "diverged" else "finished",
            val_wer=[each.val_wer for each in scores],
            val_cer=[each.val_cer for each in scores],
            val_loss=[each.val_loss for each in scores],
            objective=[each.objective if each.objective is not None else _objective(each, metric) for each in scores],
            seconds=[report.seconds or 0.0 for report in trial.reports],
        )


@dataclass(frozen=True)
class Table:
    """Settings of one space on one task, each with its learning curve."""

    name: str
    metric: Metric
    horizon: int
    """H, last epoch of the schedule of every trial."""
    space: Mapping[str, JsonValue]
    """`param_space`, without grids."""
    curves: Sequence[Curve]

    @classmethod
    def of(cls, folder: ResultsFolder, name: str) -> Table:
        """Make the table of a search, whose unfinished trials are left out.

        Raises:
            ValueError: a trial was pruned, so its curve is not whole.
        """
        described, state = read_search_yaml(folder.search_yaml), SearchState.read(folder.ledger)
        pruned = [trial.number for trial in state.trials.values() if trial.status == "pruned"]
        if pruned:
            raise ValueError(f"{folder.root}: trial {pruned[0]} was pruned; record with a grace period at the horizon")
        ended = [trial for trial in state.trials.values() if trial.status in ("finished", "diverged")]
        plan = from_values(described["space"], described["config"], str(folder.search_yaml))
        space, metric = described["space"]["param_space"], described["metric"]
        return cls(name, metric, plan.max_t, space, [Curve.of(trial, metric) for trial in ended])

    @classmethod
    def read(cls, path: Path = PROMPTS) -> Table:
        """Read a table."""
        first, *others = gzip.decompress(path.read_bytes()).decode().splitlines()
        return cls(**json.loads(first), curves=[Curve(**json.loads(line)) for line in others])

    def write(self, path: Path) -> None:
        """Write the table, as the same bytes each time."""
        path.write_bytes(gzip.compress("".join(self._lines()).encode(), mtime=0))

    def __len__(self) -> int:
        return len(self.curves)

    @cached_property
    def best(self) -> float:
        """Lowest error rate of all curves."""
        return min(curve.best(self.metric) for curve in self.curves)

    def number(self, params: Mapping[str, JsonValue]) -> int:
        """Return the number of the curve with these settings."""
        return self._numbers[_key(params)]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {_key(curve.params): number for number, curve in enumerate(self.curves)}

    def _lines(self) -> Iterator[str]:
        described = {"name": self.name, "metric": self.metric, "horizon": self.horizon, "space": self.space}
        for values in (described, *(asdict(curve) for curve in self.curves)):
            yield json.dumps(values, separators=(",", ":")) + "\n"


def _objective(scores: Scores, metric: Metric) -> float | None:
    """Return the objective of an epoch that reports none, as custom modules do."""
    value = objective(scores.value(metric), scores.value("val_cer"), scores.value("val_loss"))
    return value if math.isfinite(value) else None


def _key(params: Mapping[str, JsonValue]) -> str:
    return json.dumps(params, sort_keys=True)
