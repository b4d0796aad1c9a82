"""How good proposals are where a search may choose freely: on functions drawn from a process fitted to a table.

    python -m tests.benchmarks free                              # the table in tests/assets
    python -m tests.benchmarks free --table FILE --trials 48 --repeats 100 auto

A table of recorded curves has some dozens of settings; a search draws from the whole space, where a proposal may be
worse than any row. So a Gaussian process over settings and epochs is fitted to the curves of the table, functions are
drawn from its posterior, and each is searched by the conductor as a training would be. Each rule meets the same
functions. The regret is that of the pick's true value, in WER + CER, against the best of 10,000 random settings.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import NormalDist

import numpy as np
from pydantic import JsonValue

from tests.benchmarks.quality import Figure
from tests.simulation.curves import PROMPTS, Curve, Table
from tests.simulation.draws import Draw
from tests.simulation.engine import Engine, free_plan
from tests.simulation.simulated import Outcome, simulate
from tune_asr.space import distributions
from tune_asr.space.coordinates import Coordinates
from tune_asr.space.gaussian_process import fit
from tune_asr.space.linear_algebra import Array, inverse, product
from tune_asr.space.plan import hashed

ALGORITHMS = {"random": "random", "auto": "auto"}
FITTED_EPOCHS = 6
"""Epochs of each curve that the process is fitted to, evenly in their logarithm."""
FEATURES = 1_000
SETTINGS = 10_000
"""Random settings, the best of which a search should find."""


class Landscape:
    """Gaussian process over settings and epochs, fitted to a table.

    Values of an epoch are W + C, the best so far, less the mean over trials, and divided by their deviation.
    """

    def __init__(self, table: Table) -> None:
        self.table, epochs = table, np.arange(1, table.horizon + 1)
        self.coordinates = Coordinates({key: distributions.parse(value) for key, value in table.space.items()})
        whole = [curve for curve in table.curves if curve.epochs == table.horizon]
        scores = [[curve.scores(epoch, table.metric).value("score") for epoch in epochs.tolist()] for curve in whole]
        best = np.minimum.accumulate(np.array(scores), axis=1)
        self.mean, self.deviation = best.mean(0), best.std(0)
        self.fidelities = np.log(epochs) / math.log(table.horizon)
        fitted = np.unique(np.geomspace(2, table.horizon, FITTED_EPOCHS).round().astype(int))
        rows = [(curve.params, epoch) for curve in whole for epoch in fitted.tolist()]
        self.x = self.coordinates.at([params for params, _ in rows], [self.fidelities[epoch - 1] for _, epoch in rows])
        self.y = ((best - self.mean) / np.maximum(self.deviation, 1e-9))[:, fitted - 1].ravel()
        self.kernel = fit(self.x, self.y)
        covariance = self.kernel.covariance(self.x, self.x) + self.kernel.noise * np.eye(len(self.x))
        self.precision, _ = inverse(covariance)


class FreeFunction:
    """Function drawn from the posterior of a landscape.

    By Matheron's rule: a draw from the prior, of random Fourier features, corrected at the points of the table.
    """

    def __init__(self, landscape: Landscape, seed: int) -> None:
        self.landscape, self.seed, kernel = landscape, seed, landscape.kernel
        rng = np.random.default_rng(seed)
        # The spectrum of a Matérn 5/2 kernel is Student's t with five degrees of freedom.
        tails = np.sqrt(5 / rng.chisquare(5, FEATURES))
        self.frequencies = rng.normal(size=(len(kernel.lengths), FEATURES)) * tails / kernel.lengths[:, None]
        self.phases = rng.uniform(0, 2 * math.pi, FEATURES)
        self.weights = rng.normal(size=FEATURES) * math.sqrt(2 / FEATURES)
        noise = rng.normal(size=len(landscape.y)) * math.sqrt(kernel.noise)
        self.correction = landscape.precision @ (landscape.y - self._prior(landscape.x) - noise)

    def _prior(self, x: Array) -> Array:
        return np.cos(product(x, self.frequencies) + self.phases) @ self.weights

    def values(self, x: Array) -> Array:
        """Return standardised values at coordinates (n, d)."""
        blocks = [x[start : start + 2_000] for start in range(0, len(x), 2_000)]
        kernel, at = self.landscape.kernel, self.landscape.x
        return np.concatenate([self._prior(b) + kernel.covariance(b, at) @ self.correction for b in blocks])

    def curve(self, params: Mapping[str, JsonValue]) -> Array:
        """Return the true W + C of each epoch."""
        known = self.landscape
        x = known.coordinates.at([params] * len(known.fidelities), known.fidelities.tolist())
        return known.mean + known.deviation * self.values(x)

    def finals(self, settings: Sequence[Mapping[str, JsonValue]]) -> Array:
        """Return the true W + C of settings at the last epoch."""
        x = self.landscape.coordinates.at(settings, [1.0] * len(settings))
        return self.landscape.mean[-1] + self.landscape.deviation[-1] * self.values(x)

    def luck(self, params: Mapping[str, JsonValue]) -> float:
        """Return what the seed of a trial adds to each of its values, standardised."""
        quantile = hashed(self.seed, json.dumps(params, sort_keys=True))
        return NormalDist(0, math.sqrt(self.landscape.kernel.noise)).inv_cdf(max(quantile, 1e-9))


@dataclass(frozen=True)
class FreeTable(Table):
    """Table that has a curve for any setting."""

    function: FreeFunction
    made: dict[str, int] = field(default_factory=dict)

    @classmethod
    def over(cls, function: FreeFunction) -> FreeTable:
        """Make the table of a function, without rows at first."""
        like = function.landscape.table
        return cls(f"free-{function.seed}", "val_wer", like.horizon, like.space, [], function)

    def number(self, params: Mapping[str, JsonValue]) -> int:
        """Return the number of the row with these settings, made if there is none."""
        key = json.dumps(params, sort_keys=True)
        if key not in self.made:
            self.made[key] = len(self.curves)
            assert isinstance(self.curves, list)
            self.curves.append(self._curve(params))
        return self.made[key]

    def _curve(self, params: Mapping[str, JsonValue]) -> Curve:
        known = self.function.landscape
        values = self.function.curve(params) + known.deviation * self.function.luck(params)
        rates = np.clip(values / 2, 0.0, 1.0).tolist()
        return Curve(params, "finished", rates, rates, [0.0] * len(rates), rates, [1.0] * len(rates))

    @cached_property
    def lowest(self) -> float:
        """Lowest true value of many random settings."""
        keys = {key: distributions.parse(value) for key, value in self.space.items()}
        draws = [{key: keys[key].at(hashed("free", index, key)) for key in keys} for index in range(SETTINGS)]
        return float(self.function.finals(draws).min())


class FreeEngine(Engine):
    """Engine that proposes from the whole space."""

    make_plan = staticmethod(free_plan)


def regret(outcome: Outcome, table: FreeTable) -> float:
    """Return the true value of a search's pick, less the lowest."""
    pick = min(outcome.epochs, key=lambda row: table.curves[row].best("val_wer", outcome.epochs[row]))
    return float(table.function.finals([table.curves[pick].params])[0]) - table.lowest


def search(function: FreeFunction, algorithm: str, trials: int, slots: int = 2) -> float:
    """Return the regret of one search."""
    table = FreeTable.over(function)
    draw = Draw(table, [], trials, function.seed, slots)
    return regret(simulate(FreeEngine(draw, {"search": {"algorithm": algorithm}}), table, trials, slots), table)


def main(argv: Sequence[str]) -> int:
    """Search free functions by each algorithm, and print the regrets."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks free", description=main.__doc__)
    parser.add_argument("algorithms", nargs="*", choices=[*ALGORITHMS, []], metavar="ALGORITHM")
    parser.add_argument("--table", type=Path, default=PROMPTS, metavar="FILE", help="recorded table")
    parser.add_argument("--trials", type=int, nargs="+", default=[32, 48], metavar="N")
    parser.add_argument("--repeats", type=int, default=60, metavar="R", help="default: 60")
    arguments = parser.parse_args(argv)
    return report(Table.read(arguments.table), arguments.algorithms or list(ALGORITHMS), arguments)


def report(table: Table, algorithms: Sequence[str], arguments: argparse.Namespace) -> int:
    """Print a line for each algorithm and number of trials."""
    landscape = Landscape(table)
    print(f"functions like {table.name}: regret in W + C, {arguments.repeats} repeats")
    for trials in arguments.trials:
        regrets = {}
        for name in algorithms:
            functions = (FreeFunction(landscape, seed) for seed in range(arguments.repeats))
            regrets[name] = [search(function, name, trials) for function in functions]
            print(f"N {trials:<4}{name:<10}{Figure.of(regrets[name])}", flush=True)
        if {"random", "auto"} <= set(regrets):
            pairs = zip(regrets["auto"], regrets["random"], strict=True)
            print(f"N {trials:<4}{'less':<10}{Figure.of([ours - theirs for ours, theirs in pairs])}", flush=True)
    return 0
