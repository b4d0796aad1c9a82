"""Run of Weights & Biases that never holds a training up.

W&B waits 90 s for an answer, and at the end of a run for ever. Here it has some seconds, once a process: if it is out
of reach, this run and all later ones are written to the disk alone, from which `wandb sync` uploads them.
"""

from __future__ import annotations

import netrc
import os
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_asr.errors import ConfigError
from tune_asr.wording import first_line

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger
    from wandb import Run

INIT_SECONDS = 5.0
FINISH_SECONDS = 4.0
_WHOLE_SECONDS = 9.5
"""Seconds that W&B may cost a process before it counts as out of reach."""


def init_seconds(spent: float) -> float:
    """Return the time for the start of a run.

    The first answer, the start and the end of a run have one clock.

    Args:
        spent: seconds until the first answer.
    """
    return max(0.5, min(INIT_SECONDS, _WHOLE_SECONDS - FINISH_SECONDS - spent))


class _Reach:
    """Knowledge of this process about the network."""

    def __init__(self) -> None:
        self.is_lost = False
        self.save_dir = Path()
        self.news = ""

    def lose(self, reason: str) -> None:
        """Keep all later runs on the disk."""
        if not self.is_lost:
            self.is_lost = True
            place = self.save_dir / "wandb"
            self.news = f"W&B is out of reach ({reason}): runs are kept offline in {place}; `wandb sync` uploads them"


_reach = _Reach()


def news() -> str:
    """Return the news of a lost W&B, once."""
    text, _reach.news = _reach.news, ""
    return text


def start(project: str, name: str | None, save_dir: Path, group: str | None, values: dict[str, object]) -> WandbLogger:
    """Start a run; return its logger.

    It is started here to fail before the first epoch.

    Args:
        project: project of the run.
        name: name of the run; W&B invents one for None.
        save_dir: folder of the run's files.
        group: group of the run, a search.
        values: configuration that the run shows.

    Raises:
        ConfigError: W&B refuses, such as for want of a key.
    """
    from lightning.pytorch.loggers import WandbLogger

    try:
        # Lightning would pass an argument `anonymous` that W&B warns of.
        run = _init(project=project, name=name, dir=save_dir, group=group, config=values, resume="allow")
        run.define_metric("trainer/global_step")
        run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
        return WandbLogger(project=project, name=name, save_dir=save_dir, experiment=run)
    except Exception as error:  # wandb raises its own kinds, and others from below
        raise ConfigError(
            f"logging.use_wandb: W&B cannot be started: {first_line(error)}",
            hint="Run `wandb login`, set WANDB_MODE=offline, or set logging.use_wandb to false.",
        ) from error


def finish(run: Run) -> None:
    """End a run; no error of it ends a training."""
    try:
        run.finish()
    except TimeoutError:
        _reach.lose(f"the upload of a run took over {FINISH_SECONDS:.0f} s")
    except Exception as error:  # its service may be gone
        _reach.lose(first_line(error))


def _init(**arguments: Any) -> Run:
    import wandb
    from wandb.errors import AuthenticationError, CommError

    def limits(spent: float = 0.0) -> wandb.Settings:
        return wandb.Settings(
            init_timeout=init_seconds(spent), finish_timeout=FINISH_SECONDS, finish_timeout_raises=True
        )

    users = wandb.setup().settings
    began, _reach.save_dir = time.monotonic(), Path(arguments["dir"])
    if users.mode in ("online", "shared") and not _reach.is_lost:
        # W&B itself goes on trying in the background, and waits for that when the process ends.
        if _is_logged_in(users.base_url) and (reason := fault_of(users.base_url)):
            _reach.lose(reason)
        else:
            try:
                return wandb.init(**arguments, settings=limits(time.monotonic() - began))
            except (CommError, TimeoutError) as error:
                if isinstance(error, AuthenticationError):
                    raise
                _reach.lose(first_line(error))
    return wandb.init(**arguments, mode="offline" if _reach.is_lost else None, settings=limits())


def _is_logged_in(address: str) -> bool:
    """Return whether W&B will find a key."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    with suppress(OSError, netrc.NetrcParseError):
        host = urllib.parse.urlsplit(address).hostname or ""
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    return False


def fault_of(address: str, seconds: float = INIT_SECONDS) -> str:
    """Return the fault of a server that does not answer.

    Args:
        address: address of the server; any answer will do.
        seconds: time for the answer; looking up the name takes part of it.
    """
    faults = [f"{address} does not answer within {seconds:g} s"]

    def ask() -> None:
        try:
            urllib.request.urlopen(address, timeout=seconds).close()
        except urllib.error.HTTPError:
            pass  # an answer
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                return
            if not isinstance(reason, ssl.SSLError):  # W&B has settings of its own for certificates
                faults[0] = f"{address}: {first_line(reason) if isinstance(reason, OSError) else reason}"
                return
        faults[0] = ""

    # Looking up a name has no time limit of its own.
    asking = threading.Thread(target=ask, name="tune_asr-wandb", daemon=True)
    asking.start()
    asking.join(seconds)
    return faults[0]
