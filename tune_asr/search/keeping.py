"""Checkpoints and utterances that a running search keeps."""

from __future__ import annotations

from typing import Protocol

from tune_asr.record import checkpoints, ranking
from tune_asr.record.events import Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.trial import FINAL, Trial
from tune_asr.record.utterances import half_width, keep_utterances
from tune_asr.scoring.metric import Metric


class Keeping(Protocol):
    """Keeper of the files of trials."""

    def settle(self, trial: Trial, newest: int | None = None) -> None:
        """Remove old checkpoints after an event of a trial."""

    def rest(self, trial: Trial) -> None:
        """Remove old checkpoints of a waiting trial."""

    def catch_up(self) -> None:
        """Do work deferred until the worker had its answer."""

    def half_width(self, first: Report, second: Report) -> float | None:
        """Return half of the paired interval of two reports."""


class FolderKeeping:
    """Keeper of the results folder.

    Args:
        folder: results folder.
        metric: error rate of the best epoch.
    """

    def __init__(self, folder: ResultsFolder, metric: Metric) -> None:
        self._folder, self._metric = folder, metric
        self._to_keep: dict[str, int] = {}

    def settle(self, trial: Trial, newest: int | None = None) -> None:
        """Keep the newest two checkpoints and the best.

        Args:
            trial: trial with a new event.
            newest: epoch of its last checkpoint, if an earlier epoch was trained again.
        """
        newest = newest or trial.epoch
        is_open = trial.status not in FINAL
        self._retain(trial, {newest, newest - 1} if is_open else set(), newest)
        if not is_open:
            self.catch_up()

    def rest(self, trial: Trial) -> None:
        """Keep the newest checkpoint and the best."""
        self._retain(trial, {trial.epoch}, trial.epoch)

    def catch_up(self) -> None:
        """Copy the utterances of new best epochs."""
        while self._to_keep:
            keep_utterances(self._folder, *self._to_keep.popitem())

    def half_width(self, first: Report, second: Report) -> float | None:
        """Return the half width, None without utterances."""
        return half_width(self._folder, self._metric, first, second)

    def _retain(self, trial: Trial, newest: set[int], last: int) -> None:
        where = self._folder.checkpoints(trial.number)
        best = ranking.best_epoch(trial, checkpoints.kept_epochs(where), self._metric)
        checkpoints.retain(where, newest | ({best.epoch} if best else set()))
        if best and (best.epoch == last or trial.status in FINAL):
            self._to_keep[trial.number] = best.epoch
