"""A user's own LightningModule or LightningDataModule, by the dotted path the configuration gives."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from tune_asr.config.load import nearest
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, SettingError, TuneAsrError

T = TypeVar("T")


def check_targets(config: Config) -> None:
    """Import the user's own classes, without building them.

    Raises:
        ConfigError: one cannot be imported.
    """
    if isinstance(config.data, CustomTarget) or isinstance(config.model, CustomTarget):
        import lightning.pytorch as pl

        if isinstance(config.data, CustomTarget):
            import_target(config.data.target, pl.LightningDataModule, "data")
        if isinstance(config.model, CustomTarget):
            import_target(config.model.target, pl.LightningModule, "model")


def import_target(path: str, base: type[T], section: str) -> type[T]:
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
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ConfigError(f"{section}.target: {module_name} cannot be imported: {_told(error)}") from error
    if not hasattr(module, name):
        classes = {key: value for key, value in vars(module).items() if isinstance(value, type) and value is not base}
        known = [key for key, value in classes.items() if issubclass(value, base)]
        way_out = f": {nearest(name, known)}" if known else ""
        raise ConfigError(f"{section}.target: {module_name} has no {name}{way_out}")
    target = getattr(module, name)
    if not (isinstance(target, type) and issubclass(target, base)):
        raise ConfigError(f"{section}.target: {path} is no {base.__name__}")
    return target


def construct(target: type[T], section: str, parameters: Mapping[str, Any], **given: Any) -> T:
    """Build a user's class from the section's own keys and what tune_asr gives it.

    Raises:
        ConfigError: a key is not a parameter of the class, or one is missing.
        SettingError: the class refuses their values.
    """
    signature = inspect.signature(target)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
    for key in parameters:
        if key in given:
            raise ConfigError(f"{section}.{key}: cannot be set: tune_asr gives it to {target.__qualname__} itself")
        if key not in signature.parameters and not takes_any:
            known = [name for name in signature.parameters if name not in given]
            raise ConfigError(f"{section}.{key}: {target.__qualname__} has no such parameter: {nearest(key, known)}")
    try:
        signature.bind(**given, **parameters)
    except TypeError as error:
        call = ", ".join([*given, *parameters]) or "nothing"
        raise ConfigError(f"{section}.target: {target.__qualname__}: {error}: it is built with {call}") from None
    try:
        return target(**given, **parameters)
    except TuneAsrError:
        raise
    except Exception as error:
        raise SettingError(f"{section}.target: {target.__qualname__} cannot be built: {_told(error)}") from error


def _told(error: Exception) -> str:
    """An error of the user's own code, and the line of it where it arose: no traceback will say."""
    here = Path.cwd()
    lines = [
        f" ({frame.filename}:{frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(here) and frame.filename != __file__
    ]
    return f"{type(error).__name__}: {error}{lines[-1] if lines else ''}"
