"""A search in waves, written event by event as one slot conducts it."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.written_search import Search
from tune_asr.space.asha import milestones

GRACE, FACTOR, LAST = 3, 2, 24
UTTERANCES = 20
SPACE = {
    "param_space": {
        "model.target": {"choice": ["conv_ctc", "conformer_ctc"]},
        "optimizer.lr": {"loguniform": [1e-3, 1e-2]},
    },
    "search": {"algorithm": "random", "num_samples": 12, "include_base": True},
    "asha": {"mode": "waves", "metric": "score", "grace_period": GRACE, "reduction_factor": FACTOR},
}

Curve = Callable[[int, int], float]
"""Word error rate of a trial, by its number, at an epoch."""


def falling(number: int, epoch: int) -> float:
    """Trials differ in how far they fall; the fifth starts late and ends best."""
    depth = 0.75 if number == 5 else (number * 7 % 12) / 20
    start = 6 if number == 5 else 0
    return 1 - depth * max(0, epoch - start) / (LAST - start)


class WaveSearch:
    """Trials of one wave, in one slot."""

    def __init__(self, search: Search, curve: Curve = falling, *, trials: int = 12) -> None:
        self.search, self.curve, self.trials = search, curve, trials
        self.rungs = milestones(GRACE, FACTOR, LAST)
        self.reached: dict[int, dict[str, float]] = {}
        search.describe(space=SPACE, config={"trainer": {"max_epochs": LAST}})
        search.start(slots=1)
        search.log("plan", trials=trials, horizon=LAST, slots=1, cause="start")
        search.log("wave", wave=1, trials=trials)

    def conduct(self, turns: int = 1000) -> None:
        """Give the slot to trials until none is left, or the turns are used up."""
        for number in range(self.trials):
            self.start(number)
        for _ in range(turns):
            if (trial := self.next()) is None:
                self.search.log("search_ended", status="finished")
                return
            self.search.log("resumed", trial=trial, epoch=self.epoch(trial), process="here:1")
            self.train(trial)

    def start(self, number: int) -> None:
        trial = f"{number:05d}"
        target = "conformer_ctc" if number % 3 == 1 else "conv_ctc"
        own = {"model.num_heads": 4} if target == "conformer_ctc" else {"model.kernel_size": 7 + 4 * (number % 4)}
        params = {"model.target": target, "optimizer.lr": 0.001 * (number + 1), **own}
        self.search.log("created", trial=trial, params=params, seed=number, **({"base": True} if number == 0 else {}))
        self.search.log("started", trial=trial, process="here:1")
        self.train(trial)

    def epoch(self, trial: str) -> int:
        return self.search.state.trials[trial].epoch

    def train(self, trial: str) -> None:
        """Train until the next rung, a stop or the end."""
        while self.epoch(trial) < LAST:
            epoch = self.epoch(trial) + 1
            wrong = round(self.curve(int(trial), epoch) * 10 * UTTERANCES)
            self.search.epoch(trial, [wrong // UTTERANCES + (i < wrong % UTTERANCES) for i in range(UTTERANCES)])
            if epoch >= GRACE and epoch < LAST and self.judge(trial, epoch):
                return
        self.search.log("finished", trial=trial)

    def judge(self, trial: str, epoch: int) -> bool:
        """Judge an epoch; returns whether the trial leaves the slot."""
        value = self.value(trial)
        self.reached.setdefault(epoch, {})[trial] = value
        if self.stops(trial, epoch):
            return True
        if epoch in self.rungs:
            self.decide(trial, epoch, "pause")
            self.search.log("paused", trial=trial, epoch=epoch, cause="rung")
            return True
        return False

    def value(self, trial: str) -> float:
        """Best score so far."""
        found = self.search.state.trials[trial].reports
        return min(report.scores.val_wer + report.scores.val_cer + 0.005 for report in found)

    def better(self, trial: str, epoch: int) -> int:
        values = self.reached[epoch]
        return sum(value < values[trial] for value in values.values())

    def room(self, epoch: int) -> int:
        share = GRACE / epoch * (LAST - epoch) / (LAST - GRACE)
        return max(1, math.ceil((0.6 * self.trials + 6) / FACTOR * math.sqrt(share) - 1e-9))

    def stops(self, trial: str, epoch: int) -> bool:
        if trial == "00000" or self.better(trial, epoch) < self.room(epoch):
            return False
        self.decide(trial, epoch, "stop")
        self.search.log("pruned", trial=trial)
        return True

    def decide(self, trial: str, epoch: int, verdict: str) -> None:
        self.search.log(
            "decision",
            trial=trial,
            rung=self.rungs.index(epoch) if epoch in self.rungs else -1,
            epoch=epoch,
            value=self.reached[epoch][trial],
            better=self.better(trial, epoch),
            room=self.room(epoch),
            verdict=verdict,
        )

    def next(self) -> str | None:
        """Choose the paused trial whose turn it is; those without room are stopped on the way."""
        waiting = [trial for trial in self.search.state.trials.values() if trial.waits]
        for trial in sorted(waiting, key=lambda t: (t.epoch, self.reached[t.epoch][t.number], t.number)):
            if not self.stops(trial.number, trial.epoch):
                return trial.number
        return None
