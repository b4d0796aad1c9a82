"""Files beside the data: initial weights and recorded noise."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem
from tune_asr.speech.audio.noise import folder_fingerprint, noises, recordings_in

NUM_NOISES_CHECKED = 8
"""Noise recordings that every node of a cluster must have; a sample of the folder."""


def check_beside(config: Config, *, adds_noise: bool = True) -> None:
    """Check the initial weights and the noise of a training.

    Args:
        config: checked configuration.
        adds_noise: false if `augment.noise_p` is 0 for good; a search may draw it.

    Raises:
        ConfigError: `model.init_from` is missing or holds no weights.
        DataError: `augment.noise_dir` is used and cannot be read.
    """
    init_from = config.initial_weights
    if init_from is not None and (wrong := _wrong_weights(init_from)):
        hint = (
            "Give a checkpoint of train or of a search, the folder of a bundle, or null to start from random weights."
        )
        raise ConfigError(Problem("model.init_from", f"{init_from}: {wrong}", hint))
    if adds_noise and (folder := config.noise_dir):
        noises(folder, config.features.sample_rate, rules=config.text.rules)


def noise_fingerprint(config: Config, *, used: bool) -> str | None:
    """Return the hash of `augment.noise_dir`, equal on all machines.

    None if it is unset or not `used`.
    """
    folder = config.noise_dir
    return folder_fingerprint(folder) if folder and used else None


def initial_sha256(config: Config) -> str | None:
    """Return the SHA-256 of the initial weights, None without any."""
    if config.initial_weights is None:
        return None
    with weight_files(config.initial_weights)[0].open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_beside(config: Config) -> list[Path]:
    """List files for every node: initial weights, some noise."""
    # A resumed search needs no initial weights once all its trials have begun.
    weights = weight_files(config.initial_weights) if config.initial_weights else []
    files = [path for path in weights if path.is_file()]
    folder = config.noise_dir
    noise = recordings_in(folder) if folder else []
    return files + noise[:: -(-len(noise) // NUM_NOISES_CHECKED) or 1]


def weight_files(path: Path) -> list[Path]:
    """List a checkpoint, or weights and settings of a bundle."""
    path = path / "model.safetensors" if path.is_dir() else path
    return [path, path.with_name("config.json")] if path.suffix == ".safetensors" else [path]


def _wrong_weights(init_from: Path) -> str:
    """Return why a path cannot hold weights, or ""."""
    if not os.path.exists(init_from):  # noqa: PTH110  Path.exists raises if a name is too long
        return "no such file"
    files = weight_files(init_from)
    if missing := [path.name for path in files if not path.is_file()]:
        return f"not a bundle: it has no {' and no '.join(missing)}"
    if len(files) == 1 and not zipfile.is_zipfile(init_from):  # as torch writes every checkpoint
        return "not a checkpoint, or a damaged one"
    return ""
