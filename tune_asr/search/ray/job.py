"""Job of a search on Ray: its name, and what its workers get.

A job that was submitted (`ray job submit`) has a name and an environment of its own. Ray merges ours into it, and
refuses a key that both have.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import tune_asr
from tune_asr.errors import ConfigError

if TYPE_CHECKING:
    from ray.job_config import JobConfig

_SUBMITTED = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Variable that Ray sets for the driver of a submitted job."""
WORKER_ENVIRONMENT = {
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",  # a slow end must not fail the next trial in the same process
}
"""Read by the workers, which inherit it from a local Ray; on a cluster the job sets it."""


class Environment(TypedDict, total=False):
    """Runtime environment of the workers."""

    py_modules: list[str]
    env_vars: dict[str, str]


def job_of(name: str) -> JobConfig:
    """Return the job of a search for the dashboard.

    The metadata of a submitted job come before these.

    Args:
        name: name of the search.
    """
    from ray.job_config import JobConfig

    return JobConfig(metadata={"job_name": f"tune_asr search {name}", "tune_asr_search": name})


def require_local() -> None:
    """Refuse a local Ray within a submitted job.

    Raises:
        ConfigError: the job runs on a cluster, and its environment is known there alone.
    """
    if _SUBMITTED in os.environ:
        raise ConfigError("the search was submitted as a Ray job, but without --address", hint="Add --address auto.")


def environment() -> Environment:
    """Return the runtime environment of workers on a cluster.

    They get the driver's package. A submitted job keeps its own settings of the same keys.
    """
    submitted = json.loads(os.environ.get(_SUBMITTED) or "{}").get("runtime_env") or {}
    taken = submitted.get("env_vars") or {}
    own: Environment = {"env_vars": {key: value for key, value in WORKER_ENVIRONMENT.items() if key not in taken}}
    if "py_modules" not in submitted:
        own["py_modules"] = [str(Path(tune_asr.__file__).parent)]
    return own
