"""Lightning's arguments in the sections `trainer` and `precision`.

Names are read from the installed source with `ast`: importing Lightning takes ten seconds, and a mistake should be
reported at once. The arguments are no fields of the two sections, since any of them may stand in either, and a default
of ours would appear in every `search.yaml`.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from tune_asr.config.key_facts import Reason
from tune_asr.config.scalars import rule_in_words

ONE_DEVICE = "a trial trains on one device; a search uses more of them by running trials side by side"
OURS = "tune_asr sets it itself"
EVERY_EPOCH = "validation runs once at the end of every epoch: pruning and exact resuming depend on it"
EPOCHS = "schedules and pruning count epochs"
HORIZON = "Set trainer.max_epochs."

RESERVED: dict[str, Reason] = {
    "devices": Reason(ONE_DEVICE),
    "num_nodes": Reason(ONE_DEVICE),
    "strategy": Reason(ONE_DEVICE),
    "sync_batchnorm": Reason(ONE_DEVICE),
    "use_distributed_sampler": Reason(ONE_DEVICE),
    "callbacks": Reason(OURS),
    "logger": Reason("the section logging sets it", "Set the keys of logging."),
    "enable_checkpointing": Reason("the section checkpoint sets it", "Set the keys of checkpoint."),
    "default_root_dir": Reason("two other keys set it", "Set checkpoint.dirpath and logging.save_dir."),
    "fast_dev_run": Reason("it is a flag", "Run train --fast-dev-run."),
    "plugins": Reason(OURS),
    "model_registry": Reason(OURS),
    "max_steps": Reason(EPOCHS, HORIZON),
    "min_steps": Reason(EPOCHS, HORIZON),
    "min_epochs": Reason("two other keys decide when a training ends", "Set asha.max_t or early_stopping."),
    "max_time": Reason(EPOCHS, HORIZON),
    "val_check_interval": Reason(EVERY_EPOCH),
    "check_val_every_n_epoch": Reason(EVERY_EPOCH),
    "num_sanity_val_steps": Reason(EVERY_EPOCH),
    "limit_val_batches": Reason("validation is the ruler, and never cut short"),
    "reload_dataloaders_every_n_epochs": Reason(OURS),
    "barebones": Reason("it turns off what the search needs"),
    "overfit_batches": Reason("it replaces the validation data, which are the ruler"),
}


def _batches(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and (0 < value <= 1 if isinstance(value, float) else value >= 1):
        return value
    raise PydanticCustomError("batches", "a whole number of batches, or a share of them above 0 and up to 1.0")


# Narrower than Lightning's annotations if its Trainer refuses values that they allow.
ARGUMENTS: dict[str, Any] = {
    "accelerator": Literal["auto", "cpu", "cuda", "gpu", "mps", "tpu"],
    "limit_train_batches": Annotated[Any, BeforeValidator(_batches)] | None,
    "limit_test_batches": float | None,
    "limit_predict_batches": float | None,
    "log_every_n_steps": Annotated[int, Field(ge=0)] | None,
    "enable_progress_bar": bool | None,
    "enable_model_summary": bool | None,
    "gradient_clip_algorithm": Literal["norm", "value"] | None,
    "deterministic": bool | Literal["warn"] | None,
    "benchmark": bool | None,
    "inference_mode": bool,
    "profiler": Literal["simple", "advanced", "pytorch", "xla"] | None,
    "detect_anomaly": bool,
    "enable_autolog_hparams": bool,
}
_WORDS = {"none_required": "null", "bool_type": "true or false", "int_type": "a whole number", "float_type": "a number"}


@functools.cache
def trainer_arguments() -> tuple[str, ...]:
    """Return the names of the arguments of the installed `lightning.pytorch.Trainer`."""
    package = importlib.util.find_spec("lightning")
    assert package is not None and package.submodule_search_locations
    source = Path(package.submodule_search_locations[0], "pytorch", "trainer", "trainer.py")
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name == "Trainer":
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                    return tuple(argument.arg for argument in (*item.args.args[1:], *item.args.kwonlyargs))
    raise AssertionError("lightning.pytorch has no Trainer.__init__")


def broken_rule(argument: str, value: Any) -> str:
    """Return the rule broken by an argument's value, or "".

    An argument of a later Lightning has no rule here: its value is left to the Trainer.
    """
    try:
        TypeAdapter(ARGUMENTS.get(argument, Any)).validate_python(value, strict=True)
    except ValidationError as error:
        found = [_WORDS.get(e["type"]) or rule_in_words(e["msg"]) for e in error.errors()]
        return " or ".join(dict.fromkeys(found))
    return ""
