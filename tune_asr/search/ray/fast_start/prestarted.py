"""Tune actors in the preloaded workers of a local Ray."""

from __future__ import annotations

import os
from contextlib import suppress


def use_prestarted_workers() -> None:
    """Keep Tune from giving its actors a runtime environment.

    Ray starts idle workers at once, but gives them only to actors without a runtime environment. Tune gives each actor
    one, with `PL_DISABLE_FORK`, `RAY_CHDIR_TO_TRIAL_DIR` and, if they are set, the user's `AWS_*` and Ray Train's
    variables. Workers of a local Ray inherit all of these from the driver, so Tune need not set them again. A variable
    that is not inherited stays with Tune: the first trial then starts seconds later.
    """
    with suppress(ImportError, AttributeError):
        from ray.tune.execution import class_cache

        for name, value in tuple(class_cache.DEFAULT_ENV_VARS.items()):
            if os.environ.get(name) == value:
                del class_cache.DEFAULT_ENV_VARS[name]
        class_cache.ENV_VARS_TO_PROPAGATE.difference_update(os.environ)
