"""Turn a search or a checkpoint into a verified bundle.

    python -m tune_asr.export results/NAME                     # the best trial
    python -m tune_asr.export results/NAME --trial 00003
    python -m tune_asr.export artifacts/checkpoints/ctc-epoch=11.ckpt
    python -m tune_asr.export --verify results/NAME/bundle     # checks that no file has changed

The bundle is written only if PyTorch, onnxruntime and sherpa-onnx make the same texts of the validation set, and the
error counts are those on record. The test set, if there is one, is scored here.
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
from typing import TYPE_CHECKING

from tune_asr.errors import ConfigError, Problem, StorageError, end_at_once_on_signals, end_on_signals, exit_with
from tune_asr.storage.files import SPECIAL
from tune_asr.storage.job_copy import require_outside
from tune_asr.storage.temporary import remove_remains
from tune_asr.wording import printable

if TYPE_CHECKING:
    from tune_asr.export.scores import Score
    from tune_asr.record.choice import TrialRecord

_GIVE = "Give a results folder, such as results/lr, or a checkpoint."
PACKAGES = ("onnx", "onnxscript", "onnxruntime", "safetensors")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the door; return the exit code."""
    arguments = _parser().parse_args(argv)
    return exit_with(lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tune_asr.export",
        description="Export a recogniser as ONNX (for sherpa-onnx and onnxruntime) and safetensors, and check it.",
        epilog="Exit codes: 0 done, 2 wrong usage or model, 3 wrong or changed data, 5 nothing to export, a failed "
        "check, or a folder that cannot be written.",
    )
    parser.add_argument("source", metavar="DIR", type=Path, help="results folder, or checkpoint of `train`")
    parser.add_argument("--trial", metavar="ID", help="trial to export (default: the best)")
    parser.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        help="folder to make (default: `bundle` in a results folder; beside a checkpoint, e.g. `ctc-epoch=23-bundle`)",
    )
    parser.add_argument("--verify", action="store_true", help="check the files of a bundle instead; DIR is its folder")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    source: Path = arguments.source
    if arguments.verify:
        return _verify(arguments)
    _check_source(source, arguments.trial)
    output: Path = arguments.output or _default_output(source, arguments.trial)
    require_outside([("--output", output)], hint="Give a folder on storage that stays (--output).")
    _check_output(output)
    remove_remains(output.parent)
    _require_packages()
    end_at_once_on_signals(f"interrupted: {output} was not written")
    from tune_asr.record.choice import Source, choose_trial

    is_checkpoint = source.is_file()
    chosen = (
        Source(source, f"Checkpoint {source.name}")
        if is_checkpoint
        else choose_trial(source, arguments.trial, say=_say)
    )

    from tune_asr.export.build import export
    from tune_asr.export.recorded import read_recorded

    end_on_signals()
    try:
        recorded = read_recorded(chosen.checkpoint, name=chosen.name, record=chosen.record)
        score = export(recorded, output, say=_say)
    except SystemExit:
        print(f"interrupted: {output} was not written", file=sys.stderr)
        raise
    if score and chosen.record and chosen.record.trial:
        _record_look(source, chosen.record, score)
    print(f"{output}: README.md describes the model and how to run it")
    print(f"measure it on a manifest: python -m tune_asr.evaluate {printable(shlex.quote(str(output)))} MANIFEST")
    return 0


def _record_look(folder: Path, record: TrialRecord, score: Score) -> None:
    """Put the score of the test set on record."""
    from tune_asr.corpus.sources import test_manifest
    from tune_asr.record.test_looks import TestLook, record_look
    from tune_asr.speech.manifest.listing import paths_of

    manifest, counts = test_manifest(record.config), score.counts
    look = TestLook(
        trial=record.trial or "",
        epoch=record.figures.epoch,
        manifest=", ".join(map(str, paths_of(manifest))) if manifest else "",
        utterances=score.num_utterances,
        words=counts.words,
        wer=counts.wer,
        cer=counts.cer,
        by="export",
    )
    try:
        record_look(folder, look)
    except StorageError as error:  # the bundle is whole
        print(f"warning: {error}", file=sys.stderr)


def _check_source(source: Path, trial: str | None) -> None:
    """Refuse all but results folders and checkpoints, before importing torch."""
    if not os.path.exists(source):  # noqa: PTH110  Path.exists raises if a name is too long
        what = "there is no such results folder or checkpoint"
        raise StorageError(Problem(str(source), what, _GIVE))
    if _is_bundle(source):
        raise StorageError(Problem(str(source), "this is a bundle already", "Check it with --verify."))
    if source.is_dir():
        return
    if not source.is_file():
        raise StorageError(Problem(str(source), f"this is {SPECIAL}", _GIVE))
    if trial is not None:
        raise ConfigError(
            f"--trial {trial} chooses a trial of a search, but {source} is a file",
            hint="Give the results folder, or omit --trial.",
        )
    if not zipfile.is_zipfile(source):  # as all checkpoints of torch are
        hint = "Give a results folder, or a checkpoint that `python -m tune_asr.train` wrote."
        raise StorageError(Problem(str(source), "not a checkpoint, or damaged", hint))


def _is_bundle(folder: Path) -> bool:
    """Return whether a folder looks like a bundle."""
    return os.path.exists(folder / "model.onnx")  # noqa: PTH110  Path.exists raises without permission


def _check_output(output: Path) -> None:
    """Refuse an output folder before anything heavy is loaded."""
    if os.path.lexists(output):
        # The content of any other folder is unknown, so only a bundle is worth removing.
        or_else = ", or remove this bundle" if _is_bundle(output) else ""
        what = f"the {'folder' if output.is_dir() else 'file'} exists already, and is never overwritten"
        raise StorageError(Problem(str(output), what, f"Choose another --output{or_else}."))
    parent = next(path for path in output.absolute().parents if os.path.lexists(path))
    try:
        tempfile.TemporaryFile(dir=parent).close()
    except OSError as error:
        what = f"the folder cannot be made, since {parent} cannot be written: {error.strerror or error}"
        raise StorageError(Problem(str(output), what, "Choose another --output.")) from error


def _require_packages() -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"export needs {', '.join(missing)}, not installed here", hint="Run pip install -e '.[export]'."
        )


def _default_output(source: Path, trial: str | None) -> Path:
    """Choose a folder beside the checkpoint, or one per trial."""
    if source.is_file():
        return source.with_name(f"{source.stem}-bundle")
    return source / ("bundle" if trial is None else f"bundle-{trial.zfill(5)}")


def _say(line: str) -> None:
    print(line, flush=True)


def _verify(arguments: argparse.Namespace) -> int:
    if arguments.trial is not None or arguments.output is not None:
        given = "--trial" if arguments.output is None else "--output"
        raise ConfigError(f"{given} cannot be given with --verify, which checks a bundle", hint=f"Leave {given} out.")
    from tune_asr.inference.seal import CONFIG, verify

    names = (*verify(arguments.source).hashes, CONFIG)
    print(f"{arguments.source}: {', '.join(names)} are what was exported")
    return 0


if __name__ == "__main__":
    sys.exit(main())
