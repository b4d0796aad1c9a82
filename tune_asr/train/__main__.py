"""The door `python -m tune_asr.train`: one configuration -> one trained recogniser.

    python -m tune_asr.train --config configs/train.yaml
    python -m tune_asr.train --config results/NAME/search.yaml --trial 00007        # again, to its recorded WER
    python -m tune_asr.train --config FILE --resume-from-checkpoint artifacts/checkpoints/ctc-epoch=07.ckpt

Checkpoints go to `artifacts/checkpoints/`, with what became of each utterance beside the best; curves to
`artifacts/logs/tensorboard/`. Standard output has one JSON object about the best epoch, all else goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from tune_asr.errors import ConfigError, Problem, StorageError, end_on_signals, exit_with

if TYPE_CHECKING:
    from tune_asr.config.sections import Config
    from tune_asr.speech.survey.survey import Survey
    from tune_asr.train.standalone import Trained


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the flags, train, print the best epoch; returns the exit code."""
    arguments = _parser().parse_args(argv)
    return exit_with(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tune_asr.train",
        description="Train one CTC recogniser as a configuration says.",
        epilog="Exit codes: 0 done, 2 configuration wrong, 3 data wrong, 4 diverged before its first epoch ended, "
        "5 storage, 130 Ctrl-C.",
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration (YAML)")
    parser.add_argument(
        "--trial", metavar="ID", help="train this trial again; --config is the search.yaml of its search"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key; repeatable")
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--resume-from-checkpoint", type=Path, metavar="FILE", help="go on after this checkpoint's epoch"
    )
    either.add_argument("--fast-dev-run", action="store_true", help="one batch of each kind, nothing written")
    either.add_argument("--dry-run", action="store_true", help="check configuration and data, print the data report")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from tune_asr.corpus.sources import check_beside, survey
    from tune_asr.training.targets import check_targets

    config = _config(arguments)
    resume_from = arguments.resume_from_checkpoint
    if resume_from is None:
        check_beside(config, adds_noise=config.augment.noise_p > 0)
    else:
        from tune_asr.training.resuming import load_resumable

        load_resumable(resume_from)  # before the data are looked at, which may take minutes
    found = survey(config)
    if found is not None:
        print(found.render(), file=sys.stdout if arguments.dry_run else sys.stderr, flush=True)
        found.check()
    if arguments.dry_run:
        from tune_asr.training.initial import check_initial

        check_targets(config)
        check_initial(config)
    else:
        end_on_signals()  # between two instructions; what was saved is whole, since checkpoints are renamed into place
        print(json.dumps(_train(config, found, arguments)), flush=True)
    return 0


def _config(arguments: argparse.Namespace) -> Config:
    """The configuration file, or the trial's, under the overrides."""
    from tune_asr.config.load import from_values, load_config
    from tune_asr.config.overrides import parse_assignments
    from tune_asr.record.folder import is_record_of_a_search

    overrides = parse_assignments(arguments.set)
    if arguments.trial is None:
        if is_record_of_a_search(arguments.config):
            what = "this is the record of a search, not a configuration"
            hint = "Say which trial, by --trial NUMBER, or name best.yaml."
            raise ConfigError(Problem(str(arguments.config), what, hint))
        return load_config(arguments.config, overrides)
    from tune_asr.record.rerun import trial_config

    name = f"trial {arguments.trial} of {arguments.config}"
    return from_values(trial_config(arguments.config, arguments.trial), name, overrides)


def _train(config: Config, found: Survey | None, arguments: argparse.Namespace) -> dict[str, object]:
    """Train, tell people on stderr how it went, and return what the last line says: the best epoch."""
    from tune_asr.record.skipped_rows import write_skipped_rows
    from tune_asr.train.checkpoint_folder import CheckpointFolder
    from tune_asr.train.standalone import train_alone
    from tune_asr.training.data import load_data

    began = time.monotonic()
    writes, resume_from = not arguments.fast_dev_run, arguments.resume_from_checkpoint
    save_dir = _path(config.logging.save_dir)
    if writes and found is not None and found.problems:
        path = write_skipped_rows(save_dir, found.problems)
        _say(f"skipped   {len(found.problems):,} bad rows, listed in {path}")
    data, keep, folder = load_data(config, found), config.checkpoint, None
    if writes:
        top_k = max(keep.save_top_k, keep.average_top_k)
        folder = CheckpointFolder(_path(keep.dirpath), metric=data.metric, save_top_k=top_k, resumed_from=resume_from)
    with folder.lock() if folder else nullcontext():
        command = _command(arguments, arguments.set)
        trained = train_alone(
            config, data, folder=folder, save_dir=save_dir, resume_from=resume_from, say=_say, command=command
        )
        if writes:
            _say(_closing(config, trained, arguments, time.monotonic() - began))
    values: dict[str, object] = {name: trained.best[name] for name in ("epoch", "val_wer", "val_cer", "val_loss")}
    values["checkpoint"] = str(trained.checkpoint) if trained.checkpoint else None
    if trained.average and trained.average.checkpoint:  # `epoch` is the newest of these
        values["averaged_epochs"] = trained.average.epochs
    return values


def _closing(config: Config, trained: Trained, arguments: argparse.Namespace, seconds: float) -> str:
    """Write what became of each utterance; returns the closing table."""
    from tune_asr.scoring.transcript import Transcript
    from tune_asr.train.checkpoint_folder import alignments_of
    from tune_asr.train.closing import Closing, closing_table, write_alignments

    utterances = [Transcript(u.id, u.reference, u.hypothesis) for u in trained.utterances]
    alignments, checkpoint = None, trained.checkpoint
    if utterances and checkpoint:
        try:
            alignments = write_alignments(alignments_of(checkpoint), checkpoint.name, utterances, trained.metric)
        except StorageError as error:  # the training is done, and its result is worth more than this file
            _say(f"warning     {error}")
    closing = Closing(
        best=trained.best,
        metric=trained.metric,
        epochs=trained.epochs,
        weights=config.checkpoint.weights,
        checkpoint=checkpoint,
        alignments=alignments,
        utterances=utterances,
        counts=[u.counts for u in trained.utterances],
        model=config.model.target,
        num_parameters=trained.last.num_parameters if trained.last else None,
        real_time=trained.real_time,
        padding=trained.padding,
        seconds=seconds,
        average=_average_in_words(config, trained),
        is_average=trained.average is not None and trained.average.checkpoint is not None,
        commands=_next_commands(config, trained, arguments),
    )
    return f"\n{closing_table(closing)}"


def _average_in_words(config: Config, trained: Trained) -> str:
    """What averaging the best checkpoints came to, where that was asked for."""
    average = trained.average
    if trained.why_no_average:
        return f"not made: {trained.why_no_average}"
    if average is None:
        return "there were not two checkpoints" if config.checkpoint.average_top_k and trained.last else ""
    name, metric = trained.metric.removeprefix("val_").upper(), trained.metric
    verdict = "kept" if average.checkpoint else "not kept, for it is no better"
    return (
        f"of epochs {', '.join(map(str, average.epochs))}: {name} {average.metrics[metric]:.2%}, where epoch "
        f"{average.against['epoch']} has {average.against[metric]:.2%}: {verdict}"
    )


def _next_commands(config: Config, trained: Trained, arguments: argparse.Namespace) -> list[str]:
    """Export the best, where it is a recogniser of ours; and train on beyond what ended the training."""
    from tune_asr.train.standalone import resume_flag
    from tune_asr.training.epochs import HORIZON, PATIENCE, STOP_EPOCH

    commands = []
    if trained.checkpoint and config.subsampling is not None:
        commands = [f"python -m tune_asr.export {shlex.quote(str(trained.checkpoint))}"]
    ways_on = {
        HORIZON: (HORIZON, str(2 * trained.epochs)),
        PATIENCE: ("early_stopping.enabled", "false"),
        STOP_EPOCH: (STOP_EPOCH, "null"),
    }
    lifted = dict(ways_on[rule] for rule in trained.ended_by)
    if trained.newest and lifted and not trained.has_diverged:
        overrides = [text for text in arguments.set if text.partition("=")[0].strip() not in lifted]
        overrides += [f"{key}={value}" for key, value in lifted.items()]
        commands.append(f"{_command(arguments, overrides)} {resume_flag(trained.newest)}")
    return commands


def _command(arguments: argparse.Namespace, overrides: Sequence[str]) -> str:
    """The command of this training under `overrides`, for a shell; what it resumes is no part of it."""
    words = ["python", "-m", "tune_asr.train", "--config", str(arguments.config)]
    words += ["--trial", arguments.trial] if arguments.trial else []
    return shlex.join([*words, *(word for text in overrides for word in ("--set", text))])


def _say(text: str) -> None:
    """To people: standard output has the one JSON line."""
    print(text, file=sys.stderr, flush=True)


def _path(text: str) -> Path:
    """A folder as a person writes it: the shell leaves the `~` of `--set KEY=~/...` alone."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises where there is no such home


if __name__ == "__main__":
    sys.exit(main())
