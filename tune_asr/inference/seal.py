"""Files of a bundle, their hashes, and their verification.

Only the standard library is imported, so `--verify` is quick.

model.onnx          model for onnxruntime and sherpa-onnx
tokens.txt          its symbols
model.safetensors   the same weights, for PyTorch
config.json         features, vocabulary, normaliser, model, results; the SHA-256 of each other file, and of all that
README.md           model card
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tune_asr.errors import Problem, StorageError
from tune_asr.storage.files import regular

MODEL, TOKENS, WEIGHTS, CONFIG, CARD = "model.onnx", "tokens.txt", "model.safetensors", "config.json", "README.md"
FORMAT = 1

Json: TypeAlias = "str | float | bool | Sequence[Json] | Mapping[str, Json] | None"
Settings: TypeAlias = Mapping[str, Json]
"""Keys of a section of the configuration, and their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """Settings and symbols to build the module."""

    model: Settings
    features: Settings
    normaliser: Settings
    vocabulary: Sequence[str]
    """Symbols by id."""
    blank_id: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """Content of config.json needed to open a bundle."""

    blueprint: Blueprint
    hashes: Mapping[str, str]
    """SHA-256 of the other files, by name."""
    source: str = ""
    """Origin of the recogniser, for people."""
    training: Mapping[str, Settings] = field(default_factory=dict)
    """Sections of the configuration that concern the training, by name."""
    test_fingerprint: str | None = None
    """Hash of the test set; None without one, and in a bundle of release 0.1.0."""


def hashes(folder: Path, *names: str) -> dict[str, str]:
    """Return the SHA-256 of files, by name."""
    return {name: _sha256((folder / name).read_bytes()) for name in names}


def seal(folder: Path, facts: Settings) -> None:
    """Write config.json: the facts, with hashes of all files."""
    content = {"format": FORMAT, **facts, "hashes": hashes(folder, MODEL, TOKENS, WEIGHTS, CARD)}
    sealed = {**content, "sha256": _sha256(_canonical(content))}
    (folder / CONFIG).write_text(json.dumps(sealed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def verify(folder: Path) -> Sealed:
    """Verify all files of a bundle.

    Raises:
        StorageError: files are missing or altered; all of them are named.
    """
    if os.path.isfile(folder):  # noqa: PTH113  Path.is_file raises if a name is too long
        raise StorageError(Problem(str(folder), "this is a file", "Give the folder of a bundle."))
    if not os.path.isdir(folder):  # noqa: PTH112  and Path.is_dir
        raise StorageError(Problem(str(folder), "there is no such folder", "Give the folder of a bundle."))
    sealed = _read_config(folder)
    reasons = [_damage(folder / name, sha256) for name, sha256 in sealed.hashes.items()]
    problems = [Problem(str(folder), reason) for reason in reasons if reason]
    if problems:
        raise StorageError([*problems, Problem("", "the bundle is not what was exported", "Export it again.")])
    return sealed


def _read_config(folder: Path) -> Sealed:
    path = folder / CONFIG
    try:
        config = json.loads(regular(path).read_bytes())
        content = {key: value for key, value in config.items() if key != "sha256"}
        if config["sha256"] == _sha256(_canonical(content)) and config["format"] == FORMAT:
            keys = ("model", "features", "normaliser", "vocabulary", "blank_id")
            normaliser = {"rules": 1, **config["normaliser"]}  # without the number in release 0.1.0
            found = {**{key: config[key] for key in keys}, "normaliser": normaliser}
            return Sealed(
                Blueprint(**found),
                config["hashes"],
                config["source"],
                config["training"],
                config.get("test_fingerprint"),
            )
    except FileNotFoundError:
        hint = "Give the folder that export made, or export again."
        raise StorageError(
            Problem(str(folder), f"{CONFIG} is missing, so this is not a bundle, or an incomplete one", hint)
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise StorageError(Problem(str(path), "altered since the export, or of another version", "Export it again."))


def _damage(path: Path, sha256: str) -> str | None:
    try:
        content = regular(path).read_bytes()
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    return None if _sha256(content) == sha256 else f"{path.name} was altered: its SHA-256 differs"


def _canonical(content: Settings) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
