"""A checkpoint -> a bundle that has passed every check; or a refusal that says what differs, and no folder.

What is compared is what stands in the folder: PyTorch runs the weights of its model.safetensors, onnxruntime and
sherpa-onnx its model.onnx.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.corpus.sources import read_test_set
from tune_asr.errors import ConfigError, DataError
from tune_asr.export import (
    card,
    checks,
    facts,
    seal,
    weights,
)
from tune_asr.export import (
    test_set as test_data,
)
from tune_asr.export.onnx_model import export_onnx, open_session
from tune_asr.export.parity import Recogniser, validate
from tune_asr.export.recorded import Recorded
from tune_asr.export.scores import Interval, Score, score
from tune_asr.export.seal import CARD, MODEL, TOKENS, WEIGHTS
from tune_asr.export.sherpa import write_tokens
from tune_asr.storage.atomic import new_folder
from tune_asr.storage.errors import writing
from tune_asr.training.data import TrainingData, load_data
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.targets import import_target
from tune_asr.training.trainer import quieten

Say = Callable[[str], None]


def export(recorded: Recorded, output: Path, *, interval: Interval, say: Say = print) -> None:
    """Make the bundle of a recogniser.

    Args:
        recorded: the recogniser and its record.
        output: the folder to make; there must be none of that name.
        interval: of an error rate.
        say: takes a line for each check.

    Raises:
        ConfigError: the model is no `SimpleCTCModule`.
        DataError: the data are not those on record, or cannot be read.
        Disagreement: a check failed; it says what differs.
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
        say(f"{recorded.name}, {data.metric.removeprefix('val_').upper()} {recorded.report[data.metric]:.2%} on record")
        known = facts.describe(recorded, data)
        with writing(output, setting="--output"):
            recogniser = _write_models(recorded, known, folder)
        found = validate(recogniser, data.module.val_dataloader())
        scores = {"validation": score(((u.reference, u.hypothesis) for u in found.utterances), interval)}
        sentences = [checks.check_record(recorded, scores["validation"], found.utterances)]
        sentences += checks.check_onnxruntime(recogniser, found, config)
        sentences += checks.check_sherpa(folder / MODEL, folder / TOKENS, found, config, data.corpus)
        if test.utterances and data.corpus:
            scores["test"] = score(test_data.transcribe(recogniser, test, config), interval)
            known["test_recordings_seen"] = test_data.num_seen(test, data.corpus)
            known["test_rows_dropped"] = test.num_dropped
        for line in (*sentences, *(f"{name}: {value}" for name, value in scores.items())):
            say(line)
        with writing(output, setting="--output"):
            _write_words(folder, known, scores, sentences)
            stack.close()  # renames the folder


def _refuse_other_modules(config: Config) -> None:
    """Refuse a module of the user's that is no `SimpleCTCModule`: nobody but its author knows what goes into it."""
    if isinstance(config.model, CustomTarget):
        target = import_target(config.model.target, pl.LightningModule, "model")
        if not issubclass(target, SimpleCTCModule):
            raise ConfigError(
                f"model.target: {config.model.target} is no SimpleCTCModule, so nothing is known of its inputs and "
                "outputs: derive it from tune_asr.training.module.SimpleCTCModule, or export it by its own means"
            )


def _load_data(recorded: Recorded) -> TrainingData:
    """The data on record, ready for validation."""
    data = load_data(recorded.config)
    if data.fingerprint != recorded.fingerprint:
        raise DataError(
            "the data have changed since the recogniser was trained, so its error rate cannot come out the same: "
            "restore them"
        )
    data.module.prepare_data()
    data.module.setup("validate")
    return data


def _write_models(recorded: Recorded, known: dict[str, Any], folder: Path) -> Recogniser:
    """Write the weights, the symbols and the ONNX model, and open what was written in both programs."""
    weights.write_weights(folder / WEIGHTS, recorded.weights)
    write_tokens(folder / TOKENS, known["vocabulary"], known["blank_id"])
    encoder = weights.build(folder, known).encoder
    num_mel_bins = known["features"]["num_mel_bins"]
    known["subsampling"] = facts.subsampling(encoder, num_mel_bins)
    export_onnx(encoder, folder / MODEL, num_mel_bins=num_mel_bins, metadata=facts.metadata(known))
    return Recogniser(encoder, open_session(folder / MODEL), known["vocabulary"], known["blank_id"])


def _write_words(folder: Path, known: dict[str, Any], scores: dict[str, Score], sentences: list[str]) -> None:
    """Write the card and config.json, which seals the bundle."""
    known["results"] = {name: facts.result(value) for name, value in scores.items()}
    hashes = seal.hashes(folder, MODEL, TOKENS, WEIGHTS)
    text = card.render(known, scores=scores, sentences=sentences, hashes=hashes)
    (folder / CARD).write_text(text, encoding="utf-8")
    seal.seal(folder, known)
