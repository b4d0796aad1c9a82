"""A user's own LightningModule or LightningDataModule, by the dotted path the configuration gives."""

from __future__ import annotations

import importlib
import inspect
import sys
import sysconfig
import textwrap
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tune_asr.config.load import nearest
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem, SettingError, TuneAsrError

T = TypeVar("T")


GIVEN = ("vocab", "scheduler", "blank_id")
"""What a user's LightningModule is built with, beside the keys of its section."""
MAX_TOLD = 500
"""Characters of somebody else's message, which may hold whole tensors."""
_OF_OTHERS = ("<frozen", "site-packages", "dist-packages", sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]))
"""Where code lies that is not the user's."""


def check_targets(config: Config, searched: Iterable[str] = ()) -> None:
    """Import the user's own classes, and look whether they take their parameters, without building them.

    Args:
        config: the checked configuration.
        searched: the paths that a search varies.

    Raises:
        ConfigError: one cannot be imported, a key is not a parameter of it, or one is missing.
    """
    if not (isinstance(config.data, CustomTarget) or isinstance(config.model, CustomTarget)):
        return
    import lightning.pytorch as pl

    for name, base, given in (("data", pl.LightningDataModule, ()), ("model", pl.LightningModule, GIVEN)):
        section = getattr(config, name)
        if isinstance(section, CustomTarget):
            target = import_target(section.target, base, name)
            drawn = [path.removeprefix(f"{name}.") for path in searched if path.startswith(f"{name}.")]
            _check_parameters(target, name, [*section.parameters, *drawn], given)


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
        hint = f": {nearest(name, known)}" if known else ""
        raise ConfigError(f"{section}.target: {module_name} has no {name}{hint}")
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
    _check_parameters(target, section, parameters, given)
    try:
        return target(**given, **parameters)
    except TuneAsrError:
        raise
    except Exception as error:
        raise SettingError(f"{section}.target: {target.__qualname__} cannot be built: {_told(error)}") from error


def _check_parameters(target: type[Any], section: str, parameters: Iterable[str], given: Iterable[str]) -> None:
    """Raise ConfigError where a class does not take these parameters, or needs others."""
    signature = inspect.signature(target)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
    for key in parameters:
        if key in given:
            raise ConfigError(f"{section}.{key}: cannot be set: tune_asr gives it to {target.__qualname__} itself")
        if key not in signature.parameters and not takes_any:
            known = [name for name in signature.parameters if name not in given]
            raise ConfigError(f"{section}.{key}: {target.__qualname__} has no such parameter: {nearest(key, known)}")
    call = dict.fromkeys((*given, *parameters))
    try:
        signature.bind(**call)
    except TypeError as error:
        told = ", ".join(call) or "nothing"
        raise ConfigError(f"{section}.target: {target.__qualname__}: {error}: it is built with {told}") from None


def mistake_in_custom_code(config: Config, error: Exception) -> SettingError | None:
    """An exception that came up through a class of the user's, in words; None for any other."""
    frame = _users_frame(error)
    if frame is None or not (isinstance(config.data, CustomTarget) or isinstance(config.model, CustomTarget)):
        return None
    what = f"{frame.name} raised {type(error).__name__}: {textwrap.shorten(str(error), MAX_TOLD)}"
    return SettingError(Problem(f"{frame.filename}:{frame.lineno}", what, "mend it, or try other parameters"))


def _users_frame(error: Exception) -> traceback.FrameSummary | None:
    """The innermost line of the user's own code that an exception came through."""
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not any(part in frame.filename for part in _OF_OTHERS)]
    return users[-1] if users else None


def _told(error: Exception) -> str:
    """An error of the user's own code, and the line of it where it arose: no traceback will say."""
    frame = _users_frame(error)
    return f"{type(error).__name__}: {error}{f' ({frame.filename}:{frame.lineno})' if frame else ''}"
