"""Train one recogniser from one configuration.

    python -m tune_asr.train --config configs/train.yaml
    python -m tune_asr.train --config results/NAME/search.yaml --trial 00007        # reproduces its recorded WER
    python -m tune_asr.train --config FILE --resume-from-checkpoint artifacts/checkpoints/ctc-epoch=07.ckpt

Checkpoints go to `artifacts/checkpoints/`, with the errors of each utterance beside the best one; curves go to
`artifacts/logs/tensorboard/`. The last line of standard output is one JSON object about the best epoch. Everything else
goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from tune_asr.errors import ConfigError, Problem, end_at_once_on_signals, end_on_signals, exit_with

if TYPE_CHECKING:
    from tune_asr.config.sections import Config
    from tune_asr.speech.survey.survey import Survey
    from tune_asr.train.trained import Trained


def main(argv: Sequence[str] | None = None) -> int:
    """Run the door; return the exit code."""
    arguments = _parser().parse_args(argv)
    return exit_with(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tune_asr.train",
        description="Train one CTC recogniser from a configuration.",
        epilog="Exit codes: 0 done, 2 wrong configuration, 3 wrong data, 4 diverged in its first epoch, 5 storage, "
        "6 GPU lost or filled by other programs, 130 Ctrl-C, 138 SIGUSR1, 143 SIGTERM.",
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="configuration (YAML)")
    parser.add_argument(
        "--trial", metavar="ID", help="train this trial of a search again; --config is the search.yaml of the search"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key; repeatable")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--resume-from-checkpoint", type=Path, metavar="FILE", help="continue after this checkpoint")
    either.add_argument("--fast-dev-run", action="store_true", help="run one batch of each kind, write nothing")
    either.add_argument("--dry-run", action="store_true", help="check configuration and data, print the data report")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="with --dry-run: write the data report as JSON (configs/README.md)"
    )
    return parser


def _run(arguments: argparse.Namespace) -> int:
    end_at_once_on_signals("interrupted" if arguments.dry_run else "interrupted before the training began")
    from tune_asr.corpus.beside import check_beside
    from tune_asr.corpus.outside import require_files_outside
    from tune_asr.corpus.sources import survey
    from tune_asr.storage.job_copy import require_outside

    if arguments.json and not arguments.dry_run:
        raise ConfigError("--json is given without --dry-run", "Add --dry-run: the file holds its data report.")
    config, files = _config(arguments)
    if arguments.dry_run:
        from tune_asr.train.dry_run import dry_run

        dry_run(config, files, arguments.json)
        return 0
    if not arguments.fast_dev_run:
        written = {"checkpoint.dirpath": config.checkpoint.dirpath, "logging.save_dir": config.logging.save_dir}
        hint = "Give folders on storage that stays, with --set."
        require_outside(((key, _path(folder)) for key, folder in written.items()), hint)
    require_files_outside(config)
    resume_from = arguments.resume_from_checkpoint
    if resume_from is None:
        check_beside(config, adds_noise=config.augment.noise_p > 0)
    else:  # before the survey, which may take minutes
        config = _resumed(config, resume_from)
    found = survey(config)
    if found is not None:
        print(found.render(), file=sys.stderr, flush=True)
        found.check()
    print(_train(config, found, arguments).json_line, flush=True)
    return 0


def _config(arguments: argparse.Namespace) -> tuple[Config, list[str]]:
    """Load the configuration of the file or of the trial.

    Returns:
        The configuration, and the names of its files, the upper one first.
    """
    from tune_asr.config.load import check, from_values, read_config
    from tune_asr.config.overrides import parse_assignments
    from tune_asr.record.folder import is_record_of_a_search

    overrides = parse_assignments(arguments.set)
    if arguments.trial is None:
        if is_record_of_a_search(arguments.config):
            what = "this is the record of a search, not a configuration"
            hint = "Choose a trial by --trial NUMBER, or give best.yaml."
            raise ConfigError(Problem(str(arguments.config), what, hint))
        layered, files = read_config(arguments.config, overrides)
        config = check(layered)
        if config.custom_sections:  # before the survey, which may take minutes
            from tune_asr.config.places import with_places
            from tune_asr.training.targets import check_targets

            with with_places(layered):
                check_targets(config)
        return config, [file.name for file in files]
    from tune_asr.record.rerun import trial_config

    name = f"trial {arguments.trial} of {arguments.config}"
    config = from_values(trial_config(arguments.config, arguments.trial), name, overrides)
    return config, [str(arguments.config)]


def _resumed(config: Config, checkpoint: Path) -> Config:
    """Return the configuration with `text.rules` of a checkpoint.

    Raises:
        ConfigError: there is no such file, or the configuration gives other rules.
        StorageError: it is damaged, or no Lightning checkpoint.
    """
    from tune_asr.training.resuming import load_resumable, resumed_rules

    text, rules = config.text, resumed_rules(load_resumable(checkpoint))
    if rules in (None, text.rules):
        return config
    if "rules" in text.model_fields_set:
        what = f"trained by text.rules {rules}, but the configuration has {text.rules}"
        raise ConfigError(Problem(str(checkpoint), what, f"Leave text.rules out, or set it to {rules}."))
    return config.with_text(rules=rules)


def _train(config: Config, found: Survey | None, arguments: argparse.Namespace) -> Trained:
    """Train, and print progress and result to stderr."""
    from tune_asr.record.skipped_rows import write_skipped_rows
    from tune_asr.train.checkpoint_folder import CheckpointFolder
    from tune_asr.train.closing import close
    from tune_asr.train.command import Command
    from tune_asr.train.standalone import Training
    from tune_asr.training.data import load_data
    from tune_asr.training.fit import explain_errors

    began = time.monotonic()
    writes, resume_from = not arguments.fast_dev_run, arguments.resume_from_checkpoint
    save_dir, keep = _path(config.logging.save_dir), config.checkpoint
    if writes and found is not None and found.bad_rows:
        path = write_skipped_rows(save_dir, found.bad_rows, setting="logging.save_dir")
        _say(f"skipped   {len(found.bad_rows):,} bad rows, listed in {path}")
    with explain_errors(config):
        data, folder = load_data(config, found), None
    if writes:
        top_k = max(keep.save_top_k, keep.average_top_k)
        folder = CheckpointFolder(_path(keep.dirpath), metric=data.metric, save_top_k=top_k, resumed_from=resume_from)
    training = Training(
        config=config, data=data, folder=folder, save_dir=save_dir, command=Command.of(arguments), say=_say
    )
    with folder.lock() if folder else nullcontext():
        end_on_signals()  # at any instruction: checkpoints are renamed into place, so none is half written
        trained = training.run(resume_from)
        if writes:
            close(training, trained, time.monotonic() - began)
    return trained


def _say(text: str) -> None:
    """Print to stderr: standard output has the JSON line alone."""
    print(text, file=sys.stderr, flush=True)


def _path(text: str) -> Path:
    """Expand `~`, which shells keep in `--set KEY=~/...`."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises if there is no such home


if __name__ == "__main__":
    sys.exit(main())
