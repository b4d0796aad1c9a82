"""Model given on the command line -> a recogniser with its rules."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast

from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.storage.files import SPECIAL

if TYPE_CHECKING:
    from tune_asr.config.sections import Config
    from tune_asr.inference.recogniser import Recording

Kind = Literal["checkpoint", "results", "bundle"]
_GIVE = "Give a checkpoint, a results folder such as results/lr, or the folder of a bundle."


class Recogniser(Protocol):
    """Function from recordings to texts, of any program."""

    def texts(self, recordings: Sequence[Recording]) -> list[str]:
        """Transcribe recordings in one batch."""
        ...


@dataclass(frozen=True, slots=True)
class Batching:
    """Limits of a batch, as in validation."""

    batch_size: int
    max_frames: int | None
    """Most feature frames, padding included."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Trial and epoch of a results folder."""

    folder: Path
    trial: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Recogniser with the rules that it was trained by."""

    path: Path
    """Path on the command line."""
    name: str
    """Origin, for people."""
    config: Config
    """Configuration; of a bundle, its sections `text`, `features` and `model` alone."""
    recogniser: Recogniser
    batching: Batching
    skip_bad: float | None
    """Share of bad rows that are passed over; None: none may be bad."""
    test_fingerprint: str | None = None
    """Hash of the test set, if a bundle has it."""
    chosen: Chosen | None = None
    """Trial; None for a bundle or a checkpoint by itself."""


def kind_of(path: Path, trial: str | None, flag: str = "MODEL") -> Kind:
    """Recognise the kind of a model without heavy imports.

    Args:
        path: model on the command line.
        trial: value of `--trial`, which a results folder alone takes.
        flag: flag that gave the model.

    Raises:
        ConfigError: the model has no trials, but one is named; or a package is missing.
        StorageError: there is no such file or folder, or it is no model.
    """
    if not os.path.exists(path):  # noqa: PTH110  Path.exists raises if a name is too long
        raise StorageError(Problem(str(path), f"{flag} does not exist", _GIVE))
    kind = _kind(path)
    if trial is not None and kind != "results":
        raise ConfigError(
            f"--trial {trial} chooses a trial of a search, but {path} is a {kind}",
            hint="Give the results folder, or omit --trial.",
        )
    if kind == "bundle" and importlib.util.find_spec("onnxruntime") is None:
        raise ConfigError(
            f"{path} is a bundle, which needs onnxruntime, not installed here", hint="Run pip install onnxruntime."
        )
    return kind


def _kind(path: Path) -> Kind:
    if path.is_dir():
        is_bundle = (path / "model.onnx").exists() or (path / "model.safetensors").exists()
        return "bundle" if is_bundle else "results"
    if path.name in ("model.onnx", "model.safetensors"):
        raise StorageError(Problem(str(path), "this is one file of a bundle", f"Give its folder, {path.parent}."))
    if not path.is_file():
        raise StorageError(Problem(str(path), f"this is {SPECIAL}", _GIVE))
    if not zipfile.is_zipfile(path):  # as all checkpoints of torch are
        raise StorageError(Problem(str(path), "not a checkpoint, or damaged", _GIVE))
    return "checkpoint"


def open_model(path: Path, kind: Kind, trial: str | None, say: Callable[[str], object]) -> Model:
    """Open a model of a known kind.

    Args:
        path: model on the command line.
        kind: its kind, from `kind_of`.
        trial: trial of a results folder; None: the best.
        say: function that takes a line for people.

    Raises:
        ConfigError: there is no such trial, or a custom class cannot be imported or built.
        StorageError: it is damaged, altered, running, or has nothing to evaluate.
    """
    return _open_bundle(path) if kind == "bundle" else _open_trained(path, kind, trial, say)


def _open_bundle(folder: Path) -> Model:
    from pydantic import JsonValue

    from tune_asr.config.load import from_values
    from tune_asr.inference.recogniser import BundleRecogniser
    from tune_asr.inference.seal import CONFIG, MODEL, verify
    from tune_asr.inference.session import open_session

    sealed = verify(folder)
    blueprint, training = sealed.blueprint, sealed.training
    # The normaliser comes last: it holds the number of its rules, also for a bundle of release 0.1.0.
    text = {**training.get("text", {}), **blueprint.normaliser}
    values = {"model": blueprint.model, "features": blueprint.features, "text": text}
    config = from_values(cast("dict[str, JsonValue]", values), str(folder / CONFIG))
    features, data = config.features, training.get("data", {})
    recogniser = BundleRecogniser(
        open_session(folder / MODEL),
        blueprint.vocabulary,
        blueprint.blank_id,
        features.sample_rate,
        features.num_mel_bins,
    )
    default = config.data.model_dump()
    return Model(
        path=folder,
        name=f"Bundle ({sealed.source})",
        config=config,
        recogniser=recogniser,
        batching=Batching(*(cast(int, data.get(key, default[key])) for key in ("batch_size", "max_frames_in_batch"))),
        skip_bad=cast(float, data["max_bad_fraction"]) if data.get("skip_bad") else None,
        test_fingerprint=sealed.test_fingerprint,
    )


def _open_trained(path: Path, kind: Kind, trial: str | None, say: Callable[[str], object]) -> Model:
    from tune_asr.corpus.sources import share_of_bad_rows
    from tune_asr.record.choice import Source, choose_trial

    chosen = None
    source = Source(path, f"Checkpoint {path.name}")
    if kind == "results":
        source = choose_trial(path, trial, use="evaluate", say=say)
        assert source.record is not None and source.record.trial is not None
        chosen = Chosen(path, source.record.trial, source.record.figures.epoch)

    from tune_asr.evaluate.trained import TrainedRecogniser

    recogniser = TrainedRecogniser.load(source.checkpoint, source.record.config if source.record else None, say)
    config = recogniser.config
    default = type(config)().data if "data" in config.custom_sections else config.data
    keys = default.model_dump(include={"batch_size", "max_frames_in_batch"})
    return Model(
        path=path,
        name=source.name,
        config=config,
        recogniser=recogniser,
        batching=Batching(keys["batch_size"], keys["max_frames_in_batch"]),
        skip_bad=share_of_bad_rows(config),
        chosen=chosen,
    )
