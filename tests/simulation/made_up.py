"""Made-up learning curves, for tests and for costs: no training is needed."""

from __future__ import annotations

import math
import random

from pydantic import JsonValue

from tests.simulation.curves import Curve, Table
from tune_asr.scoring.scores import objective
from tune_asr.space import distributions

SPACE: dict[str, JsonValue] = {
    "optimizer.lr": {"loguniform": [1.0e-3, 1.0e-2]},
    "scheduler.warmup_fraction": {"uniform": [0.02, 0.3]},
    "model.dropout": {"uniform": [0.0, 0.3]},
    "model.num_layers": {"randint": [2, 6]},
    "model.dim": {"choice": [64, 96, 128]},
}


def made_up_table(trials: int = 32, horizon: int = 18, seed: int = 0) -> Table:
    """Make curves that fall to a floor, which the settings decide, at a speed that misleads early."""
    drawn = random.Random(seed)
    known = {key: distributions.parse(value) for key, value in SPACE.items()}
    settings = [{key: known[key].at(drawn.random()) for key in known} for _ in range(trials)]
    return Table("made-up", "val_wer", horizon, SPACE, [_curve(params, horizon, drawn) for params in settings])


def _curve(params: dict[str, JsonValue], horizon: int, drawn: random.Random) -> Curve:
    lr, warmup, dropout, layers, dim = params.values()
    away = (math.log(lr / 4e-3), (dim - 128) / 64, (layers - 4) / 2, dropout / 0.3 - 0.4)
    floor = 0.3 + 0.06 * sum(distance**2 for distance in away)
    epochs = 2 + 3 * warmup / 0.3 + 2 * dropout / 0.3
    cer = [
        min(1.0, floor + (1 - floor) * math.exp(-epoch / epochs) + drawn.gauss(0, 0.01))
        for epoch in range(1, horizon + 1)
    ]
    wer = [min(1.0, 1.4 * rate + 0.1) for rate in cer]
    loss = [4 * rate for rate in cer]
    objectives = [objective(*values) for values in zip(wer, cer, loss, strict=True)]
    seconds = [0.5 + layers * dim / 256 + drawn.random() / 10 for _ in cer]
    return Curve(params, "finished", wer, cer, loss, objectives, seconds)
