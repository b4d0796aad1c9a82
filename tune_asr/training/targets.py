"""A user's own LightningModule or LightningDataModule, by the dotted path the configuration gives."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tune_asr.config.load import nearest
from tune_asr.errors import ConfigError


def import_target(path: str, base: type, section: str) -> type:
    """The class at `path`, found from the working directory as well as from the installed packages.

    Raises:
        ConfigError: the module or the class cannot be found or imported, or is not a subclass of `base`.
    """
    module_name, _, name = path.rpartition(".")
    here = str(Path.cwd())
    # A console script has its own folder first on the path, not the user's.
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        target = getattr(importlib.import_module(module_name), name)
    except AttributeError:
        raise ConfigError(f"{section}.target: {module_name} has no {name}") from None
    except Exception as error:
        raise ConfigError(
            f"{section}.target: {module_name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not (isinstance(target, type) and issubclass(target, base)):
        raise ConfigError(f"{section}.target: {path} is no {base.__name__}")
    return target


def construct(target: type, section: str, parameters: Mapping[str, Any], **given: Any) -> Any:
    """Build a user's class from the section's own keys and what tune_asr gives it.

    Raises:
        ConfigError: a key is not a parameter of the class, or one is missing.
    """
    signature = inspect.signature(target)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
    for key in parameters:
        if key not in signature.parameters and not takes_any:
            raise ConfigError(
                f"{section}.{key}: {target.__qualname__} has no such parameter: "
                f"{nearest(key, list(signature.parameters))}"
            )
    try:
        signature.bind(**given, **parameters)
    except TypeError as error:
        raise ConfigError(f"{section}: {target.__qualname__}: {error}") from None
    return target(**given, **parameters)
