"""The door `python -m tune_asr.export`: a search, or a checkpoint -> a bundle that runs elsewhere, verified.

    python -m tune_asr.export results/NAME                     # the best trial
    python -m tune_asr.export results/NAME --trial 00003
    python -m tune_asr.export artifacts/checkpoints/ctc-epoch=11.ckpt
    python -m tune_asr.export --verify results/NAME/bundle     # is every file what it was?

The bundle is written only if PyTorch, onnxruntime and sherpa-onnx make the same texts of the validation set, and the
error counts are those on record. The test set, where there is one, is scored here.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_asr.errors import ConfigError, Problem, StorageError, end_on_signals, exit_with

if TYPE_CHECKING:
    from tune_asr.record.events import Report
    from tune_asr.record.folder import ResultsFolder
    from tune_asr.record.state import SearchState, Trial
    from tune_asr.scoring.metric import Metric

PACKAGES = ("onnx", "onnxscript", "onnxruntime", "safetensors")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the flags, export or verify; returns the exit code."""
    arguments = _parser().parse_args(argv)
    return exit_with(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tune_asr.export",
        description="Export a recogniser as ONNX (for sherpa-onnx, onnxruntime) and safetensors, and check it.",
        epilog="Exit codes: 0 done, 2 usage or model wrong, 3 data wrong or changed, 5 nothing to export, a check "
        "failed, or the folder cannot be written.",
    )
    parser.add_argument("source", metavar="DIR", type=Path, help="a results folder, or a checkpoint of `train`")
    parser.add_argument("--trial", metavar="ID", help="the trial to export (default: the best)")
    parser.add_argument("--output", metavar="DIR", type=Path, help="the folder to make (default: `bundle` in DIR)")
    parser.add_argument("--verify", action="store_true", help="DIR is a bundle: is any file missing or altered?")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    source: Path = arguments.source
    if arguments.verify:
        return _verify(arguments)
    _check_source(source, arguments.trial)
    output: Path = arguments.output or _default_output(source, arguments.trial)
    _check_output(output)
    _require_packages()
    end_on_signals()
    found: dict[str, Any] = {"checkpoint": source, "name": f"Checkpoint {source.name}"}
    if not source.is_file():
        found = _from_results(source, arguments.trial)

    from tune_asr.export.build import export
    from tune_asr.export.recorded import read_recorded
    from tune_asr.scoring.intervals import wer_interval

    try:
        export(read_recorded(**found), output, interval=wer_interval, say=lambda line: print(line, flush=True))
    except SystemExit:
        print(f"interrupted: {output} was not written", file=sys.stderr)
        raise
    print(f"{output}: README.md says what it is and how to run it")
    return 0


def _check_source(source: Path, trial: str | None) -> None:
    """Refuse, before anything heavy is loaded, what can be seen to be neither a results folder nor a checkpoint."""
    if not os.path.exists(source):  # noqa: PTH110  Path.exists raises where a name is too long
        raise StorageError(
            f"{source}: there is no such results folder, and no such checkpoint: name one, e.g. results/lr"
        )
    if _is_bundle(source):
        raise StorageError(f"{source}: this is a bundle, exported already: --verify checks it")
    if not source.is_file():
        return
    if trial is not None:
        raise ConfigError(
            f"--trial {trial} asks for a trial of a search, but {source} is a file: name the results folder, or leave "
            "--trial out"
        )
    if not zipfile.is_zipfile(source):  # which every checkpoint of torch's is
        raise StorageError(
            f"{source}: not a checkpoint, or damaged: name a results folder, or a checkpoint that "
            "`python -m tune_asr.train` wrote"
        )


def _is_bundle(folder: Path) -> bool:
    """Whether a folder looks like one that was exported."""
    return os.path.exists(folder / "model.onnx")  # noqa: PTH110  Path.exists raises where it may not look


def _check_output(output: Path) -> None:
    """Find out, before anything heavy is loaded, that the folder is not there and can be made."""
    if os.path.lexists(output):
        # To remove a bundle is good advice; of anything else we do not know what is in it.
        or_else = ", or remove this bundle" if _is_bundle(output) else ""
        raise StorageError(f"{output}: exists, and is never overwritten: choose another --output{or_else}")
    parent = next(path for path in output.absolute().parents if os.path.lexists(path))
    try:
        tempfile.TemporaryFile(dir=parent).close()
    except OSError as error:
        why = f"{parent}: {error.strerror or error}"
        raise StorageError(f"{output}: cannot be made, for {why}: choose another --output") from error


def _require_packages() -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"export needs {', '.join(missing)}, not installed here: pip install -e '.[export]'")


def _default_output(source: Path, trial: str | None) -> Path:
    """A name beside what is exported, another one for each trial."""
    if source.is_file():
        return source.with_name(f"{source.stem}-bundle")
    return source / ("bundle" if trial is None else f"bundle-{trial.zfill(5)}")


def _verify(arguments: argparse.Namespace) -> int:
    if arguments.trial is not None or arguments.output is not None:
        raise ConfigError("--verify checks a bundle, and goes with neither --trial nor --output")
    from tune_asr.export.seal import verify

    files = verify(arguments.source)["hashes"]
    print(f"{arguments.source}: {', '.join((*files, 'config.json'))} are what was exported")
    return 0


def _from_results(root: Path, number: str | None) -> dict[str, Any]:
    """The arguments of `read_recorded` for a trial of a search.

    Raises:
        ConfigError: there is no such trial.
        StorageError: the folder is none of a search, its search runs, or nothing in it can be exported.
    """
    from tune_asr.config.keys import facts
    from tune_asr.record.folder import ResultsFolder
    from tune_asr.record.search_yaml import read_search_yaml
    from tune_asr.record.snapshots import winner_config
    from tune_asr.record.state import SearchState

    folder = ResultsFolder.open_existing(root)
    if folder.is_running():
        raise StorageError(f"{root}: a search runs here, and its best may change: wait for its end, or stop it")
    search = read_search_yaml(folder.search_yaml)
    trial, report, checkpoint = _chosen(folder, SearchState.read(folder.ledger), search["metric"], number)
    return {
        "checkpoint": checkpoint,
        "name": f"Trial {trial.number} of the search {root.resolve().name}, epoch {report.epoch}",
        "origin": {
            "config": winner_config(search["config"], trial),
            "data_fingerprint": None
            if any(facts(key).other_data for key in trial.params)
            else search["data_fingerprint"],
        },
        "report": dict(report.items()),
    }


def _chosen(
    folder: ResultsFolder, state: SearchState, metric: Metric, number: str | None
) -> tuple[Trial, Report, Path]:
    """The trial asked for, or the best one, the report of its best sound epoch, and the checkpoint of that.

    Of the best, best.ckpt is another copy. Whether it is whole shows where the model is held against the record.

    Raises:
        ConfigError: there is no such trial.
        StorageError: no such epoch is left; each checkpoint that is damaged is named.
    """
    from tune_asr.record.checkpoints import CHECKPOINT, stored
    from tune_asr.record.intact import copied, removed_best, sound_standings
    from tune_asr.record.ranking import leader
    from tune_asr.record.state import find_trial

    asked = None if number is None else find_trial(state, number, "--trial")
    ranked, passed_over = sound_standings(folder, state, metric, only=asked.number if asked else None)
    if asked is None:
        passed_over = [*removed_best(folder, state, metric, ranked), *passed_over]
    if copy := copied(folder, passed_over):
        print(f"{folder.best_ckpt} is exported: it is a copy of what cannot be used: {copy}", flush=True)
        trial = state.trials[copy.trial]
        return trial, trial.reports[copy.epoch - 1], folder.best_ckpt
    best = leader(ranked)
    if best is None:
        who = f"trial {asked.number} is {asked.status} and has no" if asked else "no trial has an"
        what = f"nothing to export: {who} epoch whose checkpoint is kept and sound"
        hint = f"`python -m tune_asr.report {shlex.quote(str(folder.root))}` shows how the trials stand"
        damaged = [Problem("cannot be used", str(line)) for line in passed_over]
        raise StorageError([Problem(str(folder.root), what, hint), *damaged])
    for line in passed_over:
        print(f"passed over, for it cannot be used: {line}", flush=True)
    trial, report = best
    return trial, report, stored(folder.checkpoints(trial.number), report.epoch) / CHECKPOINT


if __name__ == "__main__":
    sys.exit(main())
