"""What the sections `trainer` and `precision` may hold: the arguments of Lightning's `Trainer`, and their types.

Names and annotations are read from the installed source with `ast`: importing Lightning takes ten seconds, and a
mistake should be told at once.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

ONE_DEVICE = "a trial trains on one device; a search uses more of them by running trials side by side"
OURS = "tune_asr sets it itself"
EVERY_EPOCH = "validation runs once at the end of every epoch: pruning and exact resuming count on it"

RESERVED: dict[str, str] = {
    "devices": ONE_DEVICE,
    "num_nodes": ONE_DEVICE,
    "strategy": ONE_DEVICE,
    "sync_batchnorm": ONE_DEVICE,
    "use_distributed_sampler": ONE_DEVICE,
    "callbacks": OURS,
    "logger": "the section `logging` says what is logged",
    "enable_checkpointing": "the section `checkpoint` says what is kept",
    "default_root_dir": "`checkpoint.dirpath` and `logging.save_dir` say where",
    "fast_dev_run": "it is a flag: train --fast-dev-run",
    "plugins": OURS,
    "model_registry": OURS,
    "max_steps": "schedules and pruning count epochs: use trainer.max_epochs",
    "min_steps": "schedules and pruning count epochs: use trainer.max_epochs",
    "min_epochs": "asha.max_t and early_stopping say when a training ends",
    "max_time": "schedules and pruning count epochs: use trainer.max_epochs",
    "val_check_interval": EVERY_EPOCH,
    "check_val_every_n_epoch": EVERY_EPOCH,
    "num_sanity_val_steps": EVERY_EPOCH,
    "limit_val_batches": "validation is the ruler: it is never cut short",
    "reload_dataloaders_every_n_epochs": OURS,
    "barebones": "it turns off what the search needs",
    "overfit_batches": "it replaces the validation data, which are the ruler",
}


def _batches(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and (0 < value <= 1 if isinstance(value, float) else value >= 1):
        return value
    raise PydanticCustomError("batches", "a whole number of batches, or a share of them above 0 and up to 1.0")


# What Lightning's annotations leave open, and its Trainer refuses.
NARROWER: Mapping[str, Any] = {
    "accelerator": Literal["auto", "cpu", "cuda", "gpu", "mps", "tpu"],
    "gradient_clip_algorithm": Literal["norm", "value"] | None,
    "limit_train_batches": Annotated[Any, BeforeValidator(_batches)] | None,
    "log_every_n_steps": Annotated[int, Field(ge=0)] | None,
    "profiler": Literal["simple", "advanced", "pytorch", "xla"] | None,
}

_PLAIN = {"None": None, "bool": bool, "int": int, "float": float, "str": str, "list": list[Any], "dict": dict[str, Any]}
_TYPES = {
    "none_required": "null",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
}


class _NoValue:
    """What no YAML can hold, such as a `Profiler`."""


def trainer_arguments() -> tuple[str, ...]:
    """The names of the arguments of the installed `lightning.pytorch.Trainer`."""
    return tuple(_annotations())


def broken_rule(argument: str, value: Any) -> str:
    """What a value of a `Trainer` argument would have to be; empty where it is, or where that cannot be judged."""
    try:
        _adapter(argument).validate_python(value, strict=True)
    except ValidationError as error:
        rules = {
            _TYPES.get(details["type"]) or details["msg"].removeprefix("Input should be "): details["type"]
            for details in error.errors()
            if details["type"] != "is_instance_of"
        }
        # Where any number will do, that a whole one will do goes without saying.
        whole = "float_type" in rules.values()
        return " or ".join(rule for rule, kind in rules.items() if not (whole and kind == "int_type"))
    return ""


@functools.cache
def _adapter(argument: str) -> TypeAdapter[Any]:
    type_ = NARROWER.get(argument) or _type(_annotations()[argument])
    return TypeAdapter(type_, config=ConfigDict(arbitrary_types_allowed=True))


@functools.cache
def _annotations() -> dict[str, ast.expr | None]:
    for node in ast.walk(_module("lightning.pytorch.trainer.trainer")):
        if isinstance(node, ast.ClassDef) and node.name == "Trainer":
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                    return {a.arg: a.annotation for a in (*item.args.args[1:], *item.args.kwonlyargs)}
    raise AssertionError("lightning.pytorch has no Trainer.__init__")


def _type(annotation: ast.expr | None) -> Any:
    """The type that an annotation means, `Any` where that cannot be told."""
    match annotation:
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name):
            return _PLAIN[name] if name in _PLAIN else _imported(name)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return _type(inner) | None
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=members)):
            return functools.reduce(operator.or_, map(_type, members))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _type(left) | _type(right)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            return Literal[ast.literal_eval(inner)]
        case ast.Subscript(value=ast.Name(id=name)) if name in ("list", "dict"):
            return _PLAIN[name]
    return Any


def _imported(name: str) -> Any:
    """What a name means that Lightning's Trainer imports from another module of Lightning: an alias, or a class."""
    for node in _module("lightning.pytorch.trainer.trainer").body:
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            if not (node.module or "").startswith("lightning."):
                return Any
            for item in _module(node.module or "").body:
                if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == name:
                    return _type(item.value)
            return _NoValue
    return Any


@functools.cache
def _module(name: str) -> ast.Module:
    """The source of a module of Lightning, parsed."""
    package = importlib.util.find_spec("lightning")
    assert package is not None and package.submodule_search_locations
    path = Path(package.submodule_search_locations[0], *name.split(".")[1:])
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(source.read_text(encoding="utf-8"))
