"""Environment of a local Ray with preloaded workers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import tune_asr


def local_environment(users: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to the user's own.

    Args:
        users: environment of the driver.
    """
    own = {
        "RAY_preload_python_modules": "tune_asr.search.ray.fast_start.preload",
        "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "600",  # the search does not wait for it
        # Ray kills idle workers once the trials' CPUs are reserved, just before the trials would take them.
        "RAY_idle_worker_killing_time_threshold_ms": "600000",
        # Tune sets this one for each of its actors. Inherited, it keeps them from needing a process of their own.
        "PL_DISABLE_FORK": "1",
    }
    if "RAY_worker_niceness" not in users:  # otherwise Ray applies it, and `preload` leaves it alone
        # Workers import at full priority and then step back to the niceness that Ray gives workers by default.
        own |= {"RAY_worker_niceness": "0", "TUNE_ASR_WORKER_NICENESS": "15"}
    home = Path(tune_asr.__file__).parents[1]
    if home.name not in ("site-packages", "dist-packages"):  # preloading comes before workers know the driver's path
        own["PYTHONPATH"] = os.pathsep.join(filter(None, (str(home), users.get("PYTHONPATH"))))
    return own
