"""What a worker of a local Ray imports as soon as it is up, while there is no trial for it yet.

Ray imports this module in each of its workers (`cluster.local_environment`). Imports are most of what happens before
the first step of a search. So they run at full priority, and without the collector, which spends a fifth of their time
on looking for garbage among what stays. Then the process steps back behind everything else on the machine, unless the
user has given workers a niceness of their own.
"""

from __future__ import annotations

import gc
import importlib
import os
from contextlib import suppress

_MODULES = ("torch", "lightning.pytorch", "ray.tune", "tune_asr.search.ray.worker", "tune_asr.training.fit")

gc.disable()
# What cannot be imported here cannot be imported by a trial either, which says so in words.
with suppress(Exception):
    for _name in _MODULES:
        importlib.import_module(_name)
gc.enable()
gc.freeze()
os.nice(max(0, int(os.environ.get("TUNE_ASR_WORKER_NICENESS", 0)) - os.getpriority(os.PRIO_PROCESS, 0)))
