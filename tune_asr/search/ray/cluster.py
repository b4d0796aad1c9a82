"""Local Ray of a search, or a cluster at an address."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator

from tune_asr.errors import ClusterError
from tune_asr.search.interrupts import Interrupts
from tune_asr.search.ray.children import spare_children
from tune_asr.search.ray.cpus import LocalRay, usable_cpus
from tune_asr.search.ray.descendants import descendants, kill_descendants
from tune_asr.search.ray.fast_start.switch import FastStart
from tune_asr.search.ray.head import address_of, running_here, use_its_token
from tune_asr.search.ray.job import WORKER_ENVIRONMENT, environment, job_of, require_local
from tune_asr.search.ray.locked import LOOPBACK, close_sessions, folder_of_ray, keep_secrets
from tune_asr.search.ray.scratch import Scratch
from tune_asr.search.ray.token import remove_own_token, use_own_token
from tune_asr.search.ray.versions import other_version
from tune_asr.search.ray.watchdogs import end_process_within
from tune_asr.wording import first_line

_START_ONE = "Start a Ray with `ray start --head`."
JOIN_SECONDS = 10.0
ANSWERED_SECONDS = 60.0
"""Time to join a busy cluster, whose head has answered a first call."""
SHUTDOWN_SECONDS = 3.5
_OBJECT_STORE_BYTES = 150 * 2**20  # the search puts nothing there; Ray's default is 30 % of the RAM

# Set before Ray is imported.
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of the user stay valid
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints tables even at verbose=0
    "RAY_TQDM_PATCH_PRINT": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # lines of its raylet, despite log_to_driver; the cause is printed here
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # a SIGTERM during `ray.init` would wait 30 s
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # ledger and TensorBoard files are written here
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a message need not have a metric
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # `Interrupts` handles signals
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # Tune's own state is never read
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
_started_before: list[int] | None = None
"""Descendants of this process from before it started a Ray; None if it has started none."""
_scratch = Scratch()
_WHOLE = LocalRay()
"""A Ray of all that the machine has."""


@contextlib.contextmanager
def ray_session(
    name: str, address: str | None, abandon: Callable[[], None], interrupts: Interrupts, local: LocalRay = _WHOLE
) -> Iterator[Callable[[], str | None]]:
    """Start or join Ray; yield a getter of its dashboard.

    The function returns None while there is no dashboard.

    Args:
        name: name of the search, under which the dashboard lists the job.
        address: address of a running cluster, `auto` for that of this machine; None starts a local Ray.
        abandon: callback before the process is ended because Ray does not answer, or a signal has come.
        interrupts: signals that have come; their handlers are installed again once Ray runs.
        local: size of a local Ray.

    Raises:
        ClusterError: no Ray answers at the address, or none can be started.
    """
    for key, value in (ENVIRONMENT | WORKER_ENVIRONMENT).items():
        os.environ.setdefault(key, value)
    # Files of Ray are for this user alone, as far as Ray lets them be.
    before = os.umask(0o077)
    fast_start = FastStart()
    spare_children()

    def end_early() -> None:
        abandon()
        leave_nothing()

    try:
        with interrupts.at_once(end_early):
            if address:
                _join(name, address, abandon)
            else:
                _start(name, fast_start, local)
    except ClusterError:
        interrupts.exit_if_any()  # Ray's processes got the signal too
        raise
    finally:
        os.umask(before)
    keep_secrets()
    import ray

    call_off = None
    try:
        yield _dashboard_url
    except ClusterError as error:
        # The rest of a lost Ray would wait a minute for its head.
        abandon()
        call_off = end_process_within(SHUTDOWN_SECONDS, error.exit_code, str(error), leave_nothing)
        raise
    finally:
        fast_start.end(ray.shutdown)
        if call_off:
            call_off()
        remove_own_token()
        _scratch.remove()


def _dashboard_url() -> str | None:
    with contextlib.suppress(ImportError):  # private to Ray; the search can do without
        from ray._private.worker import get_dashboard_url

        if url := get_dashboard_url():  # type: ignore[no-untyped-call]
            return f"http://{url}{_on_head(url)}"
    return None


def _on_head(url: str) -> str:
    """Name the head if the dashboard listens there alone."""
    import ray

    head = ray.get_runtime_context().gcs_address.rpartition(":")[0]
    is_here = head in ("127.0.0.1", ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    return "" if is_here or not url.startswith(("127.", "localhost")) else f" on {head} alone"


def _start(name: str, fast_start: FastStart, local: LocalRay) -> None:
    global _started_before
    require_local()
    folder = folder_of_ray()
    _started_before = descendants()
    for key, value in LOOPBACK.items():
        os.environ.setdefault(key, value)
    _scratch.use(folder.parent)
    fast_start.prepare()
    use_own_token()
    import ray

    try:
        with fast_start.postponing():
            # Not "auto", which would follow the file that a dead cluster has left.
            ray.init(
                address="local",
                num_cpus=min(local.cpus or usable_cpus(), usable_cpus()),
                num_gpus=local.gpus,
                object_store_memory=_OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
                job_config=job_of(name),
                _temp_dir=str(folder),
            )
    except Exception as error:  # Ray raises bare ones too, if its processes start too slowly
        ray.shutdown()
        remove_own_token()
        _scratch.remove()
        raise ClusterError(f"a local Ray cannot be started: {first_line(error)}") from error
    close_sessions(folder)
    fast_start.complete()


def _join(name: str, address: str, abandon: Callable[[], None]) -> None:
    # Ray's own search for `auto` would print lines of its own about a Ray that refuses, and not name it.
    head = address_of(address) or running_here()
    if head is None:
        why = "RAY_ADDRESS is not set, and no Ray runs on this machine"
        raise ClusterError(f"no Ray answers at {address}: {why}", hint=_START_ONE)
    _check_port(head)
    seconds = ANSWERED_SECONDS if use_its_token(head) else JOIN_SECONDS
    # If the port accepts and stays silent (another program, or the file of a dead cluster), ray.init waits for minutes
    # in C++, where no signal and no exception reaches it.
    import ray

    call_off = end_process_within(seconds, ClusterError.exit_code, str(_silent(head, seconds)), first=abandon)
    try:
        ray.init(
            address=head,
            log_to_driver=False,
            logging_level=logging.ERROR,
            job_config=job_of(name),
            runtime_env=dict(environment()),
        )
    except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
        raise other_version(str(error)) or ClusterError(
            f"no Ray answers at {head}: {first_line(error)}", hint=_START_ONE
        ) from error
    finally:
        call_off()


def _silent(address: str, seconds: float) -> ClusterError:
    return ClusterError(
        f"no Ray answers at {address} within {seconds:.0f} s",
        hint="Check the address. `ray stop` clears what is left of a cluster that is gone, and ends every Ray here.\n"
        "If it requires a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH.",
    )


def _check_port(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host or "127.0.0.1", int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"no Ray answers at {address}: {first_line(error)}", hint=f"Check the address. {_START_ONE}"
        ) from error


def leave_nothing() -> None:
    """Kill a local Ray and remove its token.

    Called before ends that skip `ray.shutdown`.
    """
    remove_own_token()
    if _started_before is not None:
        kill_descendants(_started_before)
    _scratch.remove()
