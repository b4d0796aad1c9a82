"""Custom LightningModules and LightningDataModules, by dotted path."""

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
"""Arguments of a custom LightningModule, beside the keys of its section."""
_MAX_MESSAGE = 500
"""Characters kept of a message of custom code, which may hold whole tensors."""
_OTHER_CODE = (
    "<frozen",
    "site-packages",
    "dist-packages",
    sysconfig.get_path("stdlib"),
    str(Path(__file__).parents[1]),
)
"""Parts of the paths of code that is not custom."""


def custom(section: object) -> CustomTarget | None:
    """Return a custom class's section, None if built in."""
    return section if isinstance(section, CustomTarget) else None


def check_targets(config: Config, searched: Iterable[str] = ()) -> None:
    """Import the custom classes and check their parameters.

    They are not built.

    Args:
        config: checked configuration.
        searched: keys that a search varies.

    Raises:
        ConfigError: a class cannot be imported, a key is not a parameter of it, or a parameter is missing.
    """
    if not (custom(config.data) or custom(config.model)):
        return
    import lightning.pytorch as pl

    for name, base, given in (("data", pl.LightningDataModule, ()), ("model", pl.LightningModule, GIVEN)):
        if section := custom(getattr(config, name)):
            target = import_target(section.target, base, name)
            drawn = [path.removeprefix(f"{name}.") for path in searched if path.startswith(f"{name}.")]
            _check_parameters(target, name, [*section.parameters, *drawn], given)


def import_target(path: str, base: type[T], section: str) -> type[T]:
    """Import a class from the working directory or a package.

    Raises:
        ConfigError: the module or the class cannot be found or imported, or is not a subclass of `base`.
    """
    module_name, _, name = path.rpartition(".")
    here = str(Path.cwd())
    # A console script has its own folder first on the path, not the working directory.
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        what = f"{module_name} cannot be imported: {_described(error)}"
        raise ConfigError(Problem(f"{section}.target", what)) from error
    if not hasattr(module, name):
        classes = {key: value for key, value in vars(module).items() if isinstance(value, type) and value is not base}
        known = [key for key, value in classes.items() if issubclass(value, base)]
        hint = nearest(name, known) if known else ""
        raise ConfigError(Problem(f"{section}.target", f"{module_name} has no {name}", hint))
    target = getattr(module, name)
    if not (isinstance(target, type) and issubclass(target, base)):
        raise ConfigError(Problem(f"{section}.target", f"{path} is not a {base.__name__}"))
    return target


def construct(target: type[T], section: str, parameters: Mapping[str, Any], **given: Any) -> T:
    """Build a custom class from its keys and given arguments.

    Raises:
        ConfigError: a key is not a parameter of the class, or a parameter is missing.
        SettingError: the class refuses their values.
    """
    _check_parameters(target, section, parameters, given)
    try:
        return target(**given, **parameters)
    except TuneAsrError:
        raise
    except Exception as error:
        raise SettingError(f"{section}.target: {target.__qualname__} cannot be built: {_described(error)}") from error


def _check_parameters(target: type[Any], section: str, parameters: Iterable[str], given: Iterable[str]) -> None:
    """Raise ConfigError for unknown or missing parameters of a class."""
    signature = inspect.signature(target)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
    for key in parameters:
        if key in given:
            what = f"cannot be set: tune_asr gives it to {target.__qualname__} itself"
            raise ConfigError(Problem(f"{section}.{key}", what))
        if key not in signature.parameters and not takes_any:
            known = [name for name in signature.parameters if name not in given]
            what = f"{target.__qualname__} has no such parameter"
            raise ConfigError(Problem(f"{section}.{key}", what, nearest(key, known)))
    call = dict.fromkeys((*given, *parameters))
    try:
        signature.bind(**call)
    except TypeError as error:
        arguments = ", ".join(call) or "no arguments"
        what = f"{target.__qualname__}: {error}; it is built with {arguments}"
        raise ConfigError(Problem(f"{section}.target", what)) from None


def mistake_in_custom_code(config: Config, error: Exception) -> SettingError | None:
    """Describe an exception from custom code; None for any other."""
    frame = _custom_frame(error)
    if frame is None or not (custom(config.data) or custom(config.model)):
        return None
    what = f"{frame.name} raised {type(error).__name__}: {textwrap.shorten(str(error), _MAX_MESSAGE)}"
    return SettingError(Problem(f"{frame.filename}:{frame.lineno}", what, "Correct it, or try other parameters."))


def _custom_frame(error: Exception) -> traceback.FrameSummary | None:
    """Return the innermost line of custom code in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not any(part in frame.filename for part in _OTHER_CODE)]
    return own[-1] if own else None


def _described(error: Exception) -> str:
    """Describe an error of custom code with its line."""
    frame = _custom_frame(error)
    return f"{type(error).__name__}: {error}{f' ({frame.filename}:{frame.lineno})' if frame else ''}"
