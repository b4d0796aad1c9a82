"""The worker's side: one trial, trained by the same `fit` as `tune_asr.train`, resumed where the ledger stands.

Ray Tune calls the function of `make_trainable` in a process that may have trained other trials before. torch, Lightning
and the data are therefore loaded once a process, and every trial but the first starts within milliseconds.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_asr.search import messages
from tune_asr.search.messages import Work, to_result

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

    from tune_asr.config.sections import LoggingSection
    from tune_asr.record.events import Report
    from tune_asr.record.folder import ResultsFolder
    from tune_asr.training.data import TrainingData
    from tune_asr.training.epochs import EpochResult, Save


def make_trainable(search: str) -> Callable[[dict[str, Any]], None]:
    """The function that Ray Tune runs; its name is what Ray's dashboard shows for the processes of this search."""

    def trainable(config: dict[str, Any]) -> None:
        from tune_asr.search.ray.worker import run_trial

        run_trial(Work.from_config(config))

    trainable.__name__ = trainable.__qualname__ = f"tune_asr:{search}"
    return trainable


def run_trial(work: Work) -> None:
    """Train one trial and tell Ray Tune, at its start, after every epoch, and why it ended early if it did.

    Mistakes that would come again are told, not raised: raising ends the process, and the next trial would have to wait
    for a new one. Everything else is raised, and the trial is tried again in a fresh process.
    """
    import ray
    from ray import tune

    use_gpus(ray.get_gpu_ids())
    os.umask(work.umask)
    return_memory()
    if work.import_path not in sys.path:
        sys.path.insert(0, work.import_path)
    from tune_asr.errors import TuneAsrError
    from tune_asr.training.epochs import Diverged

    try:
        _train(work)
    except Diverged as error:
        tune.report(to_result(messages.Diverged(str(error))))
    except TuneAsrError as error:
        tune.report(to_result(messages.Failed.of(error)))


def use_gpus(ids: Sequence[int | str]) -> None:
    """Hide all GPUs from CUDA but those that Ray gave; Ray itself leaves a trial without one all of them."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, ids))


def return_memory() -> None:
    """Give the system back what the last trial freed: glibc keeps it, in pieces that the next trial cannot use.

    After eight trials of `search_spaces/full.yaml` a process had 0.74 GB with this, as after the first. Without it it
    had 1.65 GB after nine, and with MALLOC_ARENA_MAX=2 1.50 GB.
    """
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _train(work: Work) -> None:
    from ray import tune

    from tune_asr.config.load import from_values
    from tune_asr.errors import ConfigError, SettingError
    from tune_asr.record.checkpoints import CHECKPOINT, newest_valid
    from tune_asr.record.folder import ResultsFolder
    from tune_asr.training.data import load_data
    from tune_asr.training.fit import fit
    from tune_asr.training.loggers import close

    folder = ResultsFolder(Path(work.root))
    try:
        config = from_values(work.values, f"trial {work.number}")
    except ConfigError as error:  # each value was checked alone, before the search began
        raise SettingError(error.problems) from error
    data = load_data(config)
    _check_ruler(work, data)
    epoch, checkpoint, damaged = newest_valid(folder.checkpoints(work.number), work.epoch)
    resume_from = checkpoint / CHECKPOINT if checkpoint else None
    was_last = False
    loggers, warning = _loggers(work, folder.tensorboard(work.number), config.logging, resume_from)

    def on_start() -> None:
        _announce(work, f"trains from epoch {epoch + 1}")
        tune.report(to_result(messages.Started(epoch, damaged, f"{socket.gethostname()}:{os.getpid()}", warning)))
        _name_process(work)

    def sink(result: EpochResult, last: bool, save: Save) -> None:
        nonlocal was_last
        was_last = last
        report = _report(work, folder, result, save, last=last)
        if last:
            # The search may be over with this report, and its processes with it: W&B has to be done before.
            close(loggers)
        _announce(work, f"epoch {result.epoch} WER {result.scores.val_wer:.4f} loss {result.scores.val_loss:.4f}")
        # Tune copies what it is given and deletes it as it likes: it gets a pointer, the checkpoint is ours.
        with tempfile.TemporaryDirectory() as pointer:
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
        grace_period=work.grace_period,
    )
    if not was_last:
        tune.report(to_result(messages.Ended()))


def _loggers(work: Work, curves: Path, section: LoggingSection, resume_from: Path | None) -> tuple[list[Logger], str]:
    """The trial's loggers, and why W&B is not among them where it cannot be reached: a trial can do without."""
    from tune_asr.errors import ConfigError
    from tune_asr.training.loggers import TrialRun, make_loggers

    run = TrialRun(work.search, work.number, work.params)

    def make(**without: bool) -> list[Logger]:
        asked = section.model_copy(update=without)
        return make_loggers(asked, curves.parents[1], name=curves.parent.name, trial=run, resume_from=resume_from)

    loggers = make(use_wandb=False)
    try:
        return [*loggers, *make(tensorboard=False)], ""
    except ConfigError as error:
        return loggers, error.cause


def _check_ruler(work: Work, data: TrainingData) -> None:
    """Raise RulerError where this node's data are not those of the search."""
    from tune_asr.errors import RulerError

    for name, wanted in work.fingerprints.items():
        here = getattr(data, name)
        if here != wanted:
            which = "other validation data" if name == "val_fingerprint" else "other data"
            raise RulerError(
                f"node {socket.gethostname()} has {which} than the search: their fingerprint is {here} there and "
                f"{wanted} for the search, and results could not be compared: have the same data at the same path on "
                "every node, as they were when the search began"
            )


def _report(work: Work, folder: ResultsFolder, result: EpochResult, save: Save, *, last: bool) -> Report:
    """Write the epoch's checkpoint; returns the event for the ledger."""
    from tune_asr.record.checkpoints import CHECKPOINT, UTTERANCES, epoch_folder, write_checkpoint
    from tune_asr.record.events import Report, WordCounts

    where = epoch_folder(folder.checkpoints(work.number), result.epoch)
    write_checkpoint(where, {CHECKPOINT: save, UTTERANCES: lambda path: _write_utterances(path, result)})
    return Report(
        trial=work.number,
        epoch=result.epoch,
        scores=result.scores,
        train_loss=result.train_loss,
        val_blank_share=result.outcome.blank_share if result.outcome else None,
        val_empty_share=result.outcome.empty_share if result.outcome else None,
        weights=result.weights,
        counts=WordCounts.of(result.counts) if result.counts else WordCounts(),
        train_seconds=round(result.train_seconds, 4),
        val_seconds=round(result.val_seconds, 4),
        seconds=round(result.seconds, 4),
        checkpoint=str((where / CHECKPOINT).relative_to(folder.root)),
        last=last,
    )


def _write_utterances(path: Path, result: EpochResult) -> None:
    encode = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make one anew for each row
    with path.open("w", encoding="utf-8") as file:
        for utterance in result.utterances:
            counts = utterance.counts
            row = {
                "id": utterance.id,
                "words": counts.words,
                "substitutions": counts.substitutions,
                "deletions": counts.deletions,
                "insertions": counts.insertions,
                "hypothesis": utterance.hypothesis,
            }
            file.write(encode(row) + "\n")


def _name_process(work: Work) -> None:
    """Show the trial in process lists and in the dashboard's; Ray puts its own name there at each of its calls."""
    with suppress(ImportError, AttributeError):
        from ray._raylet import setproctitle  # type: ignore[attr-defined]

        setproctitle(f"ray::{work.search} trial {work.number}")


def _announce(work: Work, what: str) -> None:
    """A line in the process's log, which Ray's dashboard shows, under the trial's name."""
    # Ray reads this line as the name that prefixes the process's log lines from here on.
    print(f":actor_name:{work.search} trial {work.number}")
    print(f"trial {work.number} {what}", flush=True)
