"""Export: a checked bundle of a checkpoint, or nothing.

The checks run on the files of the folder: PyTorch on the weights of its model.safetensors, onnxruntime and sherpa-onnx
on its model.onnx.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch

from tune_asr.config.sections import Config
from tune_asr.corpus.sources import TestSet, read_test_set
from tune_asr.errors import ConfigError, DataError
from tune_asr.export import card, checks, weights
from tune_asr.export.facts import Facts, blueprint_of, metadata, subsampling, training_settings
from tune_asr.export.onnx_model import export_onnx
from tune_asr.export.parity import ExportedModel, validate
from tune_asr.export.recorded import Recorded
from tune_asr.export.scores import Score, score
from tune_asr.export.sherpa import write_tokens
from tune_asr.export.test_set import score_test_set
from tune_asr.inference import seal
from tune_asr.inference.seal import CARD, MODEL, TOKENS, WEIGHTS, Blueprint
from tune_asr.inference.session import open_session
from tune_asr.scoring.metric import metric_name
from tune_asr.storage.atomic import new_folder
from tune_asr.storage.errors import writing
from tune_asr.training.data import TrainingData, load_data
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.prepare import module_class
from tune_asr.training.trainer import quieten


def export(recorded: Recorded, output: Path, *, say: Callable[[str], object] = print) -> Score | None:
    """Make the bundle of a recogniser; return its test score.

    Args:
        recorded: recogniser and its record.
        output: folder to make; it must not exist.
        say: function that takes a line per check.

    Raises:
        ConfigError: the model is not a `SimpleCTCModule`.
        DataError: the data are not those on record, or cannot be read.
        Disagreement: a check failed.
        StorageError: the folder cannot be written.
    """
    config = recorded.config
    quieten()
    torch.set_num_threads(config.trainer.num_threads)
    _refuse_other_modules(config)
    data = _load_data(recorded)
    test = read_test_set(config)
    with ExitStack() as stack:
        with writing(output, setting="--output"):
            folder = stack.enter_context(new_folder(output))
        on_record = recorded.figures.scores.value(data.metric)
        say(f"{recorded.name}, {metric_name(data.metric)} {on_record:.2%} on record")
        facts = _make(recorded, data, test, folder, output)
        for line in (*facts.checks, *(f"{name}: {value}" for name, value in facts.scores.items())):
            say(line)
        with writing(output, setting="--output"):
            _write_words(folder, facts)
            stack.close()  # renames the folder
    return facts.test.score if facts.test else None


def _make(recorded: Recorded, data: TrainingData, test: TestSet, folder: Path, output: Path) -> Facts:
    """Write and check the models in `folder`, later `output`."""
    blueprint = blueprint_of(recorded, data)
    with writing(output, setting="--output"):
        exported, frames = _write_models(recorded, blueprint, folder)
    config, found = recorded.config, validate(exported, data.module.val_dataloader())
    validation = score(found.transcripts, data.metric)
    return Facts(
        recorded=recorded,
        blueprint=blueprint,
        training=training_settings(config),
        subsampling=frames,
        validation=validation,
        checks=(
            checks.check_record(recorded, validation, found.transcripts),
            *checks.check_onnxruntime(exported, found, config),
            *checks.check_sherpa(folder / MODEL, folder / TOKENS, found, config, data.corpus),
        ),
        test=score_test_set(test, exported, data, config),
    )


def _refuse_other_modules(config: Config) -> None:
    """Refuse a custom module with unknown inputs."""
    if not issubclass(module_class(config), SimpleCTCModule):
        raise ConfigError(
            f"model.target: {config.model.target} is not derived from SimpleCTCModule, so its inputs and outputs are "
            "unknown",
            hint="Derive it from tune_asr.training.module.SimpleCTCModule, or export it with code of your own.",
        )


def _load_data(recorded: Recorded) -> TrainingData:
    """Load the data on record, ready for validation."""
    config = recorded.config
    if not torch.cuda.is_available():  # those of a CPU differ by rounding
        config = config.model_copy(update={"features": config.features.model_copy(update={"device": "cpu"})})
    data = load_data(config)
    if data.fingerprint != recorded.fingerprint:
        raise DataError(
            "the data have changed since the recogniser was trained, so its error rate cannot come out the same",
            hint="Restore the data.",
        )
    data.module.prepare_data()
    data.module.setup("validate")
    return data


def _write_models(recorded: Recorded, blueprint: Blueprint, folder: Path) -> tuple[ExportedModel, int]:
    """Write weights, symbols and ONNX model.

    Returns:
        The written model, opened in both programs; and its feature frames per output frame.
    """
    num_mel_bins = recorded.config.features.num_mel_bins
    weights.write_weights(folder / WEIGHTS, recorded.weights)
    write_tokens(folder / TOKENS, blueprint.vocabulary, blueprint.blank_id)
    encoder = weights.build(folder, blueprint).encoder
    frames = subsampling(encoder, num_mel_bins)
    properties = metadata(recorded.config, len(blueprint.vocabulary), frames)
    export_onnx(encoder, folder / MODEL, num_mel_bins=num_mel_bins, metadata=properties)
    return ExportedModel(encoder, open_session(folder / MODEL), blueprint.vocabulary, blueprint.blank_id), frames


def _write_words(folder: Path, facts: Facts) -> None:
    """Write the card, then seal the bundle with config.json."""
    text = card.render(facts, seal.hashes(folder, MODEL, TOKENS, WEIGHTS))
    (folder / CARD).write_text(text, encoding="utf-8")
    seal.seal(folder, facts.as_json())
