"""The files of a bundle, and whether each is still what was exported. Standard library alone: to verify is quick.

model.onnx          what onnxruntime and sherpa-onnx run
tokens.txt          its symbols
model.safetensors   the same weights, for PyTorch
config.json         what they are: features, vocabulary, normaliser, model, results; the SHA-256 of each other file,
                    and of all that
README.md           the model card
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tune_asr.errors import Problem, StorageError

MODEL, TOKENS, WEIGHTS, CONFIG, CARD = "model.onnx", "tokens.txt", "model.safetensors", "config.json", "README.md"
FORMAT = 1


def hashes(folder: Path, *names: str) -> dict[str, str]:
    """The SHA-256 of files, by name."""
    return {name: _sha256((folder / name).read_bytes()) for name in names}


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write config.json: the facts, the hashes of the other files, and the hash of all that."""
    content = {"format": FORMAT, **facts, "hashes": hashes(folder, MODEL, TOKENS, WEIGHTS, CARD)}
    sealed = {**content, "sha256": _sha256(_canonical(content))}
    (folder / CONFIG).write_text(json.dumps(sealed, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def verify(folder: Path) -> dict[str, Any]:
    """What config.json says of a bundle whose every file is what it was when the bundle was made.

    Raises:
        StorageError: with every file that is missing or altered.
    """
    if os.path.isfile(folder):  # noqa: PTH113  Path.is_file raises where a name is too long
        raise StorageError(Problem(str(folder), "this is a file", "Name the folder of a bundle."))
    if not os.path.isdir(folder):  # noqa: PTH112  and Path.is_dir
        raise StorageError(Problem(str(folder), "there is no such folder", "Name the folder of a bundle."))
    config = _read_config(folder)
    reasons = [_damage(folder / name, sha256) for name, sha256 in config["hashes"].items()]
    problems = [Problem(str(folder), reason) for reason in reasons if reason]
    if problems:
        raise StorageError([*problems, Problem("", "the bundle is not what was exported: export it again")])
    return config


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        config: dict[str, Any] = json.loads(path.read_bytes())
        content = {key: value for key, value in config.items() if key != "sha256"}
        if config["sha256"] == _sha256(_canonical(content)) and config["format"] == FORMAT:
            return config
    except FileNotFoundError:
        raise StorageError(
            f"{folder}: {CONFIG} is missing: this is no bundle, or not a whole one: name the folder that export made, "
            "or export again"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise StorageError(f"{path}: altered since the bundle was made, or of another version: export it again")


def _damage(path: Path, sha256: str) -> str | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    return None if _sha256(content) == sha256 else f"{path.name} was altered: its SHA-256 is another"


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
