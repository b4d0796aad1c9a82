"""The average of a training's best checkpoints, kept where it recognises better than the best of them.

Averaging the weights of checkpoints smooths the last steps of a training (e.g. Vaswani et al., 2017, section 6.1). The
average is a model to validate, export and start from (`model.init_from`), and nothing that a training can go on from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tune_asr.config.sections import Config
from tune_asr.errors import StorageError
from tune_asr.train.checkpoint_folder import CheckpointFolder
from tune_asr.train.validation import validate
from tune_asr.training.checkpoints import EPOCHS_STATE, RAW_WEIGHTS, CheckpointFile, Content, history, load_checkpoint
from tune_asr.training.data import TrainingData
from tune_asr.training.epochs import Epoch, best_epochs
from tune_asr.training.outcome import UtteranceResult

# What a training needs to go on, and an average has none of.
_STATE_OF_TRAINING = frozenset({"optimizer_states", "lr_schedulers", "loops", "averaging_state", RAW_WEIGHTS})


@dataclass(frozen=True, slots=True)
class Average:
    """An average of checkpoints: the epochs they are of, what it scores, and its file where it is kept."""

    epochs: list[int]
    result: Epoch
    """Its scores, under the newest of those epochs."""
    against: Epoch
    """The best of those epochs, as the history has it."""
    utterances: tuple[UtteranceResult, ...]
    checkpoint: Path | None


def average_best(
    config: Config, data: TrainingData, folder: CheckpointFolder, history: Sequence[Epoch]
) -> Average | None:
    """Average the best checkpoints in `folder`, `checkpoint.average_top_k` at most, and keep what is better than each.

    Returns:
        The average; None where there are not two checkpoints.

    Raises:
        StorageError: a checkpoint is damaged, or the average cannot be written.
    """
    kept = [epoch for epoch in history if folder.kept(epoch.epoch)]
    chosen = best_epochs(kept, folder.metric, config.checkpoint.average_top_k)
    if len(chosen) < 2:
        return None
    epochs = [epoch.epoch for epoch in chosen]
    weights = mean_weights([load_checkpoint(folder.path(epoch))["state_dict"] for epoch in epochs])
    found = validate(config, data, weights)
    result = Epoch(max(epochs), found.scores)
    is_better = result.scores.order(folder.metric) < chosen[0].scores.order(folder.metric)
    record = {"epochs": sorted(epochs), "best": chosen[0].entry}
    path = _save(folder, result, weights, record) if is_better else None
    return Average(sorted(epochs), result, chosen[0], found.utterances, path)


def read_average(config: Config, data: TrainingData, folder: CheckpointFolder) -> Average | None:
    """The average that the training in `folder` has kept, where it has kept one.

    Raises:
        StorageError: it is damaged, or another file under its name.
    """
    path = folder.kept_average()
    if path is None:
        return None
    content = load_checkpoint(path)
    try:
        (result,) = history(content)
        epochs, against = content["averaged"]["epochs"], Epoch.of(content["averaged"]["best"])
        weights = content["state_dict"]
    except (LookupError, TypeError, ValueError) as error:
        raise StorageError(f"{path}: not an average that `train` has kept: move it away") from error
    return Average(epochs, result, against, validate(config, data, weights).utterances, path)


def mean_weights(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each weight, taken in float64; what is no floating-point number is the first state's."""

    def mean(name: str, value: Tensor) -> Tensor:
        if not value.is_floating_point():
            return value
        return torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)

    return {name: mean(name, value) for name, value in states[0].items()}


def _save(folder: CheckpointFolder, result: Epoch, weights: Mapping[str, Tensor], record: Mapping[str, Any]) -> Path:
    """Save the average as the newest of its checkpoints, without what a training goes on from."""
    newest: Content = load_checkpoint(folder.path(result.epoch))
    content = {key: value for key, value in newest.items() if key not in _STATE_OF_TRAINING}
    content["state_dict"] = dict(weights)
    content["callbacks"] = {EPOCHS_STATE: {"history": [result.entry]}}
    content["averaged"] = dict(record)
    return folder.save_average(lambda path: CheckpointFile().save_checkpoint(content, path))
