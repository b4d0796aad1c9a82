"""Ray: started here for the time of a search, or joined at an address."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tune_asr
from tune_asr.errors import ClusterError, ConfigError
from tune_asr.search.ray.cpus import usable_cpus
from tune_asr.search.ray.descendants import descendants, kill_descendants
from tune_asr.search.ray.fast_start.switch import FastStart
from tune_asr.search.ray.token import remove_own_token, token_path, use_own_token
from tune_asr.search.ray.watchdogs import end_process_within
from tune_asr.wording import first_line

JOIN_SECONDS = 10.0
SHUTDOWN_SECONDS = 3.5
_OBJECT_STORE_BYTES = 150 * 2**20  # nothing of ours travels through the object store; Ray's default is 30 % of the RAM

# Set before Ray is imported. What each is for:
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # a user's relative paths stay what they were
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints tables even where it was asked for silence
    "RAY_TQDM_PATCH_PRINT": "0",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # a SIGTERM during `ray.init` would wait 30 s
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the ledger and TensorBoard are written by us
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a message need not hold a metric
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # signals are ours
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # Tune's own state is never read
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
# Read by the workers: a local Ray inherits it, a cluster is told.
WORKER_ENVIRONMENT = {
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",  # a trial that ends slowly must not fail the next one in its process
}
_started_before: list[int] | None = None
"""The descendants that this process had before it started a Ray; None: it has started none."""


@contextlib.contextmanager
def ray_session(name: str, address: str | None, abandon: Callable[[], None]) -> Iterator[Callable[[], str | None]]:
    """Ray for the time of a search; yields what tells the dashboard's URL, None while there is none.

    Args:
        name: of the search; the dashboard lists the job under it.
        address: of a running cluster, `auto` for the one this machine belongs to; None starts a local Ray.
        abandon: called before the process may be ended in the caller's place, because Ray says nothing any more.

    Raises:
        ClusterError: no Ray answers at the address, or none can be started.
    """
    for key, value in (ENVIRONMENT | WORKER_ENVIRONMENT).items():
        os.environ.setdefault(key, value)
    # What Ray writes is for this user alone, as far as Ray lets it be.
    before = os.umask(0o077)
    fast_start = FastStart()
    try:
        if address:
            _join(name, address, abandon)
        else:
            _start(name, fast_start)
    except SystemExit:  # Ray answers SIGTERM with exit codes of its own while it starts
        leave_nothing()
        raise SystemExit(128 + signal.SIGTERM) from None
    finally:
        os.umask(before)
    import ray

    call_off = None
    try:
        yield _dashboard_url
    except ClusterError as error:
        # What is left of a lost Ray would wait a minute for the rest.
        abandon()
        call_off = end_process_within(SHUTDOWN_SECONDS, error.exit_code, str(error), leave_nothing)
        raise
    finally:
        fast_start.end(ray.shutdown)
        if call_off:
            call_off()
        remove_own_token()


def _dashboard_url() -> str | None:
    from ray._private.worker import get_dashboard_url

    url = get_dashboard_url()  # type: ignore[no-untyped-call]
    return f"http://{url}" if url else None


def _start(name: str, fast_start: FastStart) -> None:
    global _started_before
    _started_before = descendants()
    fast_start.prepare()
    use_own_token()
    import ray

    try:
        with fast_start.postponing():
            # "local": a cluster file left behind by a dead Ray must not be followed.
            ray.init(
                address="local",
                num_cpus=usable_cpus(),
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
                job_config=_job(name, None),
            )
    except Exception as error:  # Ray raises bare ones too, where its processes are too slow to start
        ray.shutdown()
        remove_own_token()
        raise ClusterError(f"a local Ray cannot be started: {error}") from error
    fast_start.complete()


def _join(name: str, address: str, abandon: Callable[[], None]) -> None:
    if address.startswith("ray://"):
        raise ConfigError(
            f"--address is {address}, a Ray Client: give HOST:PORT of the cluster's head, from a node of it"
        )
    _check_port(address)
    # A cluster that was started where there is a token asks for it, and one that does not ask ignores it.
    if token_path().exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    # A port that accepts and then says nothing (not Ray, or a dead cluster's file) would keep ray.init waiting for
    # minutes, in C++, where no signal and no exception reaches it.
    import ray

    call_off = end_process_within(JOIN_SECONDS, ClusterError.exit_code, _silent(address), first=abandon)
    try:
        ray.init(
            address=address, log_to_driver=False, logging_level=logging.ERROR, job_config=_job(name, _package_folder())
        )
    except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
        raise ClusterError(
            f"no Ray answers at {address}: {first_line(error)}: start one with `ray start --head`"
        ) from error
    finally:
        call_off()


def _silent(address: str) -> str:
    return (
        f"no Ray answers at {address} within {JOIN_SECONDS:.0f} s: check the address; if a cluster that is gone left "
        "it behind, `ray stop` clears it; if the cluster asks for a token, set RAY_AUTH_MODE=token and "
        "RAY_AUTH_TOKEN_PATH"
    )


def _check_port(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return  # `auto`, or a name that Ray resolves
    try:
        socket.create_connection((host or "127.0.0.1", int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"no Ray answers at {address}: {error}: check the address, or start one with `ray start --head`"
        ) from error


def leave_nothing() -> None:
    """Before an end that waits for nothing: no process of a Ray of ours stays, and no token of ours."""
    if _started_before is not None:
        kill_descendants(_started_before)
    remove_own_token()


def _package_folder() -> str:
    return str(Path(tune_asr.__file__).parent)


def _job(name: str, package: str | None) -> Any:
    from ray.job_config import JobConfig

    # The dashboard shows a job's metadata; workers of a cluster get this very package.
    runtime_env = {"py_modules": [package], "env_vars": WORKER_ENVIRONMENT} if package else None
    return JobConfig(metadata={"job_name": f"tune_asr search {name}"}, runtime_env=runtime_env)
