"""Worker of a search: one trial, from its newest checkpoint.

Ray Tune calls the function of `make_trainable` in a process that may have trained other trials before. So torch,
Lightning and the data are loaded once a process, and every trial but its first starts within milliseconds.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tune_asr.search import messages
from tune_asr.search.cards.shares import more_room
from tune_asr.search.messages import Work, to_result
from tune_asr.search.ray.share import Share, use_gpus

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

    from tune_asr.config.sections import Config, LoggingSection
    from tune_asr.training.card import TooLittleMemory
    from tune_asr.training.data import TrainingData
    from tune_asr.training.epochs import EpochResult, Save


def make_trainable(search: str) -> Callable[[dict[str, str]], None]:
    """Return Ray Tune's trainable, as the dashboard will name it.

    Args:
        search: name of the search.
    """

    def trainable(config: dict[str, str]) -> None:
        from tune_asr.search.ray.share import Share
        from tune_asr.search.ray.worker import run_trial

        run_trial(Work.from_config(config), Share.from_config(config))

    name = search.encode("unicode_escape").decode("ascii")  # Tune's registry takes ASCII alone
    trainable.__name__ = trainable.__qualname__ = f"tune_asr:{name}"
    return trainable


def run_trial(work: Work, share: Share) -> None:
    """Train one trial, and report to Ray Tune.

    An error that a retry would meet again is reported, not raised: raising ends the process, and the next trial would
    wait for a new one. Any other is raised, and the trial is tried again in a fresh process.
    """
    import ray
    from ray import tune

    ids = ray.get_gpu_ids()
    use_gpus(ids)
    work.surroundings.enter()
    return_memory()
    send_sign_of_life()
    from tune_asr.errors import CardError, TuneAsrError
    from tune_asr.training.card import TooLittleMemory
    from tune_asr.training.epochs import Diverged

    try:
        _train(work, share, ids)
    except Diverged as error:
        tune.report(to_result(messages.NotFinite(str(error))))
    except CardError:
        raise
    except TooLittleMemory as error:
        tune.report(to_result(_without_memory(error, share)))
    except TuneAsrError as error:
        tune.report(to_result(messages.Failed.of(error)))


def _without_memory(error: TooLittleMemory, share: Share) -> messages.NeedsRoom | messages.Failed:
    """Return the message of a trial out of memory.

    Raises:
        CardError: other programs fill its GPU.
    """
    from tune_asr.training.card import filled_by_others

    room = more_room(share.gpus, error.shortage.need if error.shortage else None)
    if room is not None:
        return messages.NeedsRoom(f"{error.cause}, beside other trials on its GPU", room)
    if of_others := filled_by_others(error):
        raise of_others from error
    return messages.Failed.of(error)


def send_sign_of_life() -> None:
    """Show the driver that this process is alive.

    The driver ends a worker that sends nothing for long.
    """
    import ray
    from ray import tune

    node = ray.get_runtime_context().get_node_id()
    tune.report(to_result(messages.Here(f"{socket.gethostname()}:{os.getpid()}", node)))


def return_memory() -> None:
    """Return the last trial's free memory to the system.

    glibc would keep it, in pieces that the next trial cannot use. After eight trials of `search_spaces/full.yaml` a
    process had 0.74 GB with this, as after the first; without it 1.65 GB after nine, and with MALLOC_ARENA_MAX=2
    1.50 GB.
    """
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _train(work: Work, share: Share, ids: Sequence[int | str]) -> None:
    from ray import tune

    from tune_asr.record.checkpoints import CHECKPOINT, newest_intact
    from tune_asr.record.folder import ResultsFolder
    from tune_asr.search.ray.epoch_files import write_epoch
    from tune_asr.training.callbacks.signs_of_life import SignsOfLife
    from tune_asr.training.data import load_data
    from tune_asr.training.device import require_device
    from tune_asr.training.fit import explain_errors, fit
    from tune_asr.training.loggers import close
    from tune_asr.training.memory import limit_memory
    from tune_asr.training.resuming import oddity

    folder = ResultsFolder(Path(work.root))
    config = _config(work)
    with explain_errors(config):  # a GPU that is full or lost fails at the first call
        require_device((config.trainer.model_extra or {}).get("accelerator", "auto"), ids)
        limit_memory(share.memory_bytes)
        data = load_data(config)
    _check_ruler(work, data)
    epoch, checkpoint, damaged = newest_intact(folder.checkpoints(work.number), work.epoch, oddity)
    resume_from = checkpoint / CHECKPOINT if checkpoint else None
    was_last, tunes = False, folder.root / ".tune"
    loggers, warning = _loggers(work, folder.tensorboard(work.number), config.logging, resume_from)

    def on_start() -> None:
        _announce(work, f"trains from epoch {epoch + 1}")
        tune.report(to_result(messages.Ready(epoch, damaged, f"{socket.gethostname()}:{os.getpid()}", warning)))
        _name_process(work)

    def sink(result: EpochResult, last: bool, save: Save) -> None:
        nonlocal was_last
        was_last = last
        report = write_epoch(folder, work.number, result, save, last=last)
        if last:
            # This report may end the search and this process, so W&B must have finished.
            close(loggers)
        _announce(work, f"epoch {result.epoch} WER {result.scores.val_wer:.4f} loss {result.scores.val_loss:.4f}")
        # Tune copies its checkpoints, and deletes some: it gets a pointer to ours.
        # It lies in Tune's folder, removed with the search: the last report may end this process.
        with tempfile.TemporaryDirectory(dir=tunes if tunes.is_dir() else None) as pointer:
            Path(pointer, "pointer.json").write_text(json.dumps({"checkpoint": report.checkpoint}))
            tune.report(to_result(report), checkpoint=tune.Checkpoint.from_directory(pointer))
        _name_process(work)

    fit(
        config,
        sink,
        data=data,
        on_start=on_start,
        resume_from=resume_from,
        loggers=loggers,
        callbacks=[SignsOfLife(send_sign_of_life)],
        grace_period=work.grace_period,
        other_data=work.other_data,
    )
    if not was_last:
        tune.report(to_result(messages.CutShort()))


def _config(work: Work) -> Config:
    from tune_asr.config.load import from_values
    from tune_asr.errors import ConfigError, SettingError

    try:
        return from_values(work.values, f"trial {work.number}")
    except ConfigError as error:  # each value was checked by itself before the search began
        raise SettingError(error.problems) from error


def _loggers(work: Work, curves: Path, section: LoggingSection, resume_from: Path | None) -> tuple[list[Logger], str]:
    """Return the loggers, and a warning about W&B."""
    from tune_asr.errors import ConfigError
    from tune_asr.training.loggers import TrialRun, make_loggers
    from tune_asr.training.wandb_run import news

    run = TrialRun(work.search, work.number, work.params, work.off)

    def make(**without: bool) -> list[Logger]:
        chosen = section.model_copy(update=without)
        return make_loggers(chosen, curves.parents[1], name=curves.parent.name, trial=run, resume_from=resume_from)

    loggers = make(use_wandb=False)
    try:
        return [*loggers, *make(tensorboard=False)], news()
    except ConfigError as error:
        return loggers, error.cause


def _check_ruler(work: Work, data: TrainingData) -> None:
    """Raise RulerError if the data differ from the search's."""
    from tune_asr.errors import RulerError

    here = {"val_fingerprint": data.val_fingerprint, "fingerprint": data.fingerprint}
    for name, expected in work.fingerprints.items():
        if here[name] != expected:
            which = "validation data" if name == "val_fingerprint" else "data"
            raise RulerError(
                f"{which} on node {socket.gethostname()} do not match the search (fingerprint {here[name]}, expected "
                f"{expected})",
                hint="Mount the files that the search began with at the same path on every node.",
            )


def _name_process(work: Work) -> None:
    """Name the process after its trial.

    Ray sets its own name at each of its calls.
    """
    with suppress(ImportError, AttributeError):
        from ray._raylet import setproctitle  # type: ignore[attr-defined]

        setproctitle(f"ray::{work.search} trial {work.number}")


def _announce(work: Work, what: str) -> None:
    """Print a line for the log in Ray's dashboard."""
    # Ray reads this line as the prefix of the log lines that follow.
    print(f":actor_name:{work.search} trial {work.number}")
    print(f"trial {work.number} {what}", flush=True)
