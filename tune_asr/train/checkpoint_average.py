"""Average of a training's best checkpoints.

It is kept if it scores better than each of them. Averaging the weights of checkpoints smooths the last steps of a
training (e.g. Vaswani et al., 2017, section 6.1). The average can be validated, exported and used as
`model.init_from`. A training cannot resume from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from tune_asr.config.sections import Config
from tune_asr.errors import Problem, StorageError
from tune_asr.scoring.transcript import Transcript
from tune_asr.train.checkpoint_folder import CheckpointFolder
from tune_asr.train.validation import validate
from tune_asr.training.checkpoints import EPOCHS_STATE, RAW_WEIGHTS, CheckpointFile, Content, history, load_checkpoint
from tune_asr.training.data import TrainingData
from tune_asr.training.epochs import Epoch, best_epochs

# Keys that only a resume needs.
_STATE_OF_TRAINING = frozenset({"optimizer_states", "lr_schedulers", "loops", "averaging_state", RAW_WEIGHTS})


@dataclass(frozen=True, slots=True)
class Average:
    """Average of checkpoints, and its scores."""

    epochs: list[int]
    """Epochs of the checkpoints."""
    result: Epoch
    """Scores of the average, with the newest of its epochs."""
    against: Epoch
    """Best of its epochs."""
    utterances: tuple[Transcript, ...]
    """Hypotheses of the average; empty for a custom module that does not report them."""
    checkpoint: Path | None
    """File of the average; None if it is not kept."""


def average_best(
    config: Config, data: TrainingData, folder: CheckpointFolder, history: Sequence[Epoch]
) -> Average | None:
    """Average the best checkpoints, at most `checkpoint.average_top_k`.

    The average is saved if it scores better than each of them.

    Returns:
        The average; None if there are fewer than two checkpoints.

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
    average = Average(sorted(epochs), result, chosen[0], found.utterances, None)
    return replace(average, checkpoint=_save(folder, average, weights)) if is_better else average


def read_average(config: Config, data: TrainingData, folder: CheckpointFolder) -> Average | None:
    """Read the average kept by the training in `folder`.

    Raises:
        StorageError: it is damaged, or no average.
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
        raise StorageError(Problem(str(path), "not an average that `train` kept", "Move it away.")) from error
    return Average(epochs, result, against, validate(config, data, weights).utterances, path)


def mean_weights(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of each weight, computed in float64.

    Integers are those of the first state.
    """

    def mean(name: str, value: Tensor) -> Tensor:
        if not value.is_floating_point():
            return value
        return torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)

    return {name: mean(name, value) for name, value in states[0].items()}


def _save(folder: CheckpointFolder, average: Average, weights: Mapping[str, Tensor]) -> Path:
    """Save the newest averaged checkpoint with the mean weights."""
    newest: Content = load_checkpoint(folder.path(average.result.epoch))
    content = {key: value for key, value in newest.items() if key not in _STATE_OF_TRAINING}
    content["state_dict"] = dict(weights)
    content["callbacks"] = {EPOCHS_STATE: {"history": [average.result.entry]}}
    content["averaged"] = {"epochs": average.epochs, "best": average.against.entry}
    return folder.save_average(lambda path: CheckpointFile().save_checkpoint(content, path))
