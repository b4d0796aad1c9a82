"""The door `python -m tune_asr.train`: one configuration -> one trained recogniser.

    python -m tune_asr.train --config configs/train.yaml
    python -m tune_asr.train --config results/NAME/search.yaml --trial 00007        # again, to its recorded WER
    python -m tune_asr.train --config FILE --resume-from-checkpoint artifacts/checkpoints/ctc-epoch=07.ckpt

Checkpoints go to `artifacts/checkpoints/`, curves to `artifacts/logs/tensorboard/`. The last line on stdout is one JSON
object about the best epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tune_asr.errors import ConfigError, TrialFailedError, end_on_signals, exit_with

if TYPE_CHECKING:
    from tune_asr.config.sections import Config
    from tune_asr.speech.survey import Survey
    from tune_asr.training.epochs import EpochResult, Save


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
    from tune_asr.record.skipped_rows import write_skipped_rows
    from tune_asr.training.corpus import check_beside, survey
    from tune_asr.training.targets import check_targets

    config = _config(arguments)
    resume_from = arguments.resume_from_checkpoint
    if resume_from is not None and not resume_from.is_file():
        raise ConfigError(f"--resume-from-checkpoint {resume_from}: no such file")
    if resume_from is None:
        check_beside(config)
    found = survey(config)
    if found is not None:
        print(found.render(), flush=True)
        found.check()
    if arguments.dry_run:
        from tune_asr.training.initial import check_initial

        check_targets(config)
        check_initial(config)
    else:
        if found is not None and found.problems and not arguments.fast_dev_run:
            path = write_skipped_rows(_path(config.logging.save_dir), found.problems)
            print(f"skipped   {len(found.problems):,} bad rows, listed in {path}", flush=True)
        end_on_signals()  # between two instructions; what was saved is whole, since checkpoints are renamed into place
        best = _train(config, found, resume_from=resume_from, writes=not arguments.fast_dev_run)
        print(json.dumps(best), flush=True)
    return 0


def _config(arguments: argparse.Namespace) -> Config:
    """The configuration file, or the trial's, under the overrides."""
    from tune_asr.config.load import from_values, load_config
    from tune_asr.config.overrides import parse_assignments

    overrides = parse_assignments(arguments.set)
    if arguments.trial is None:
        return load_config(arguments.config, overrides)
    from tune_asr.record.rerun import trial_config

    name = f"trial {arguments.trial} of {arguments.config}"
    return from_values(trial_config(arguments.config, arguments.trial), name, overrides)


def _train(config: Config, found: Survey | None, *, resume_from: Path | None, writes: bool) -> dict[str, object]:
    """Train and return what the last line says: the best epoch."""
    from tune_asr.training.checkpoints import CheckpointFolder
    from tune_asr.training.data import SpeechDataModule, load_data
    from tune_asr.training.epochs import Diverged, rank
    from tune_asr.training.fit import fit
    from tune_asr.training.loggers import make_loggers

    results: list[EpochResult] = []
    data, metric = load_data(config, found), "val_wer"
    if isinstance(data, SpeechDataModule):
        metric = data.metric
        print(f"batches   {data.padding_share():.0%} of the training frames are padding", flush=True)
    keep, folder, newest = config.checkpoint, None, resume_from
    if writes:
        folder = CheckpointFolder(
            _path(keep.dirpath), metric=metric, save_top_k=keep.save_top_k, resumed_from=resume_from
        )

    def sink(result: EpochResult, _last: bool, save: Save) -> None:
        nonlocal newest
        if folder:
            is_first = newest == resume_from
            newest = folder.save(result, save)
            if is_first and folder.set_aside:
                print(f"checkpoints of an earlier training are now in {folder.set_aside}", flush=True)
        print(_line(result, config.trainer.max_epochs), flush=True)
        results.append(result)

    loggers = make_loggers(config.logging, _path(config.logging.save_dir), name="tensorboard") if writes else []
    try:
        history = fit(config, sink, data=data, resume_from=resume_from, loggers=loggers, fast_dev_run=not writes)
    except Diverged as error:
        history = error.history
        if not history:
            raise TrialFailedError(f"the training diverged: {error}: lower optimizer.lr, or warm up longer") from None
        print(f"the training diverged: {error}", file=sys.stderr)
    except SystemExit:
        if newest:
            way_on = f"--resume-from-checkpoint {shlex.quote(str(newest))}"
            print(f"interrupted: go on with {way_on}", file=sys.stderr)
        raise
    # Where a limit cuts epochs short, nobody has counted what was trained on.
    limit = getattr(config.trainer, "limit_train_batches", None)
    whole = writes and (limit is None or repr(limit) == "1.0")  # 1 is one batch, 1.0 all of them
    if results and whole and isinstance(data, SpeechDataModule):
        print(_speed(config.model.target, results, *data.seconds_of_audio()), flush=True)
    best = min(history, key=lambda epoch: rank(epoch, metric))
    path = folder.kept(best["epoch"]) if folder else None
    values = {name: best[name] for name in ("epoch", "val_wer", "val_cer", "val_loss")}
    return {**values, "checkpoint": str(path) if path else None}


def _path(text: str) -> Path:
    """A folder as a person writes it: the shell leaves the `~` of `--set KEY=~/...` alone."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises where there is no such home


def _line(result: EpochResult, max_epochs: int) -> str:
    return (
        f"epoch {result.epoch:3d}/{max_epochs}  WER {result.val_wer:7.2%}  CER {result.val_cer:7.2%}  "
        f"loss {result.train_loss:.3f} train, {result.val_loss:.3f} val  {result.seconds:.1f} s"
    )


def _speed(model: str, results: Sequence[EpochResult], train_audio: float, val_audio: float) -> str:
    """How large the model is, and how fast: seconds of speech a second, and their inverse, the real-time factor."""
    trains = train_audio / median(result.train_seconds for result in results)
    recognises = val_audio / median(result.val_seconds for result in results)
    return (
        f"speed     {model}, {results[-1].num_parameters:,} parameters: trains at {trains:,.0f} times real time, "
        f"recognises at {recognises:,.0f} (RTF {1 / recognises:.2g})"
    )


if __name__ == "__main__":
    sys.exit(main())
