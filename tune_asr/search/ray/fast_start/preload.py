"""Imports of a worker, made before its first trial.

Ray imports this module in each worker as soon as it is up (`environment.local_environment`). Imports take most of the
time before the first step of a search. They run at full priority and without the garbage collector, which costs a fifth
of their time and finds nothing. Then the process lowers its priority, unless the user has set a niceness for workers.
"""

from __future__ import annotations

import gc
import importlib
import os
from contextlib import suppress

_MODULES = ("torch", "lightning.pytorch", "ray.tune", "tune_asr.search.ray.worker", "tune_asr.training.fit")

gc.disable()
# The trial repeats an import that fails here, and reports the error.
with suppress(Exception):
    for _name in _MODULES:
        importlib.import_module(_name)
gc.enable()
gc.freeze()
os.nice(max(0, int(os.environ.get("TUNE_ASR_WORKER_NICENESS", 0)) - os.getpriority(os.PRIO_PROCESS, 0)))
