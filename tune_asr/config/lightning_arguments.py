"""Which keys the sections `trainer` and `precision` may hold: the arguments of Lightning's `Trainer`.

They are read from the installed source with `ast`: importing Lightning takes ten seconds, and a misspelt key should be
told at once.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path

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


@functools.cache
def trainer_arguments() -> tuple[str, ...]:
    """The names of the arguments of the installed `lightning.pytorch.Trainer`."""
    package = importlib.util.find_spec("lightning")
    assert package is not None and package.submodule_search_locations
    source = Path(package.submodule_search_locations[0], "pytorch", "trainer", "trainer.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == "Trainer":
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                    return tuple(a.arg for a in (*item.args.args[1:], *item.args.kwonlyargs))
    raise AssertionError("lightning.pytorch has no Trainer.__init__")
