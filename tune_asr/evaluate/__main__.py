"""Evaluate a trained recogniser on a manifest, or transcribe recordings.

    python -m tune_asr.evaluate results/lr test.jsonl                      # the best trial of a search
    python -m tune_asr.evaluate results/lr test.jsonl --trial 00003
    python -m tune_asr.evaluate results/lr/bundle test.jsonl --compare artifacts/checkpoints/ctc-epoch=11.ckpt
    python -m tune_asr.evaluate results/lr/bundle call-1.wav call-2.wav    # a line `path<TAB>text` for each

Standard output has one JSON object about a manifest, or the texts of recordings. Everything else goes to stderr.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tune_asr.errors import ConfigError, DataError, end_at_once_on_signals, end_on_signals, exit_with
from tune_asr.wording import is_address, printable

if TYPE_CHECKING:
    from tune_asr.evaluate.model import Model
    from tune_asr.evaluate.result import Result

_TRANSCRIPTS = re.compile(rb'\{"(?:id|place)": "(?:\\.|[^"\\])*", "(?:reference|hypothesis|reason)": ')
"""Beginning of a file of `--output`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the door; return the exit code."""
    arguments = _parser().parse_args(argv)

    def run() -> int:
        try:
            return _run(arguments)
        except (KeyboardInterrupt, SystemExit):  # of a signal
            _say("interrupted")
            raise

    return exit_with(run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tune_asr.evaluate",
        description="Measure a recogniser on a manifest, or transcribe recordings. The last line on standard output is "
        "one JSON object: utterances, words, WER and CER with their 95 % intervals.",
        epilog="Exit codes: 0 done, 2 wrong usage or model, 3 wrong data, 5 model damaged, or a file that cannot be "
        "written, 130 Ctrl-C.",
    )
    parser.add_argument(
        "model", metavar="MODEL", type=Path, help="checkpoint, results folder (its best trial), or folder of a bundle"
    )
    parser.add_argument(
        "data", metavar="MANIFEST|AUDIO", type=_path, nargs="+", help="one manifest with transcripts, or recordings"
    )
    parser.add_argument("--trial", metavar="ID", help="trial of the results folder (default: the best)")
    parser.add_argument(
        "--compare", metavar="MODEL", type=Path, help="second model, on the same utterances and references"
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="JSONL to write: id, reference, hypothesis, counts of errors, and rows passed over; replaces an earlier "
        "one, and no other file",
    )
    return parser


def _path(text: str) -> Path:
    """Return the path of a file or folder here.

    Raises:
        argparse.ArgumentTypeError: it is empty, which a path takes for the working directory, or an address.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} names no file")
    if is_address(text):
        raise argparse.ArgumentTypeError(f"{printable(text)} is an address; nothing is fetched, so download it first")
    return Path(text)


def _run(arguments: argparse.Namespace) -> int:
    from tune_asr.evaluate.inputs import manifest_of
    from tune_asr.evaluate.model import kind_of, open_model

    other: Path | None = arguments.compare
    kind = kind_of(arguments.model, arguments.trial)
    other_kind = kind_of(other, None, "--compare") if other else None
    manifest = manifest_of(arguments.data, compares=other is not None)
    if other is not None and arguments.trial is None and other.resolve() == arguments.model.resolve():
        raise ConfigError(f"--compare {other} is the model itself", hint="Give another model.")
    _clear_output(arguments.output)
    end_at_once_on_signals("interrupted")
    late: list[str] = []  # the first line on stderr may be about the test set
    models = [open_model(arguments.model, kind, arguments.trial, late.append)]
    if other is not None and other_kind is not None:
        models.append(open_model(other, other_kind, None, late.append))
    end_on_signals()
    if manifest is None:
        _flush(late)
        _transcribe(models[0], arguments.data, arguments.output)
    else:
        _evaluate(models, manifest, arguments.output, late)
    return 0


def _evaluate(models: Sequence[Model], manifest: Path, output: Path | None, late: Sequence[str]) -> None:
    """Score models by the rules of the first."""
    from tune_asr.evaluate import own_test, tables
    from tune_asr.evaluate.decoding import transcribe
    from tune_asr.evaluate.inputs import read_rows
    from tune_asr.evaluate.result import Result, metric_of, write_transcripts

    looked_at = [model for model in models if own_test.is_own_test(model, manifest)]
    for model in looked_at:
        _say(own_test.notice(model, manifest))
        own_test.require_record(model)
    _flush(late)
    found = read_rows(manifest, models[0].config, models[0].skip_bad)
    _flush(found.bad_lines())
    results: list[Result] = []
    for model in models:
        transcripts = transcribe(model, found.utterances)
        result = Result.of(transcripts, metric_of(transcripts, models[0].config.text))
        results.append(result)
        if model in looked_at:
            own_test.record(model, manifest, result)
    if output is not None:
        compared = results[1].transcripts if len(results) > 1 else None
        write_transcripts(output, results[0].transcripts, compared, found.bad_rows)
    tables.show(tables.result_parts(models[0].name, results[0], found.speakers))
    if len(results) > 1:
        names = (str(models[0].path), str(models[1].path))
        tables.show(tables.comparison_parts(names, *results))
    print(results[0].json_line(len(found.bad_rows)), flush=True)


def _transcribe(model: Model, paths: Sequence[Path], output: Path | None) -> None:
    """Print the text of each recording once it is decoded."""
    from tune_asr.evaluate.decoding import transcribe_one
    from tune_asr.evaluate.inputs import read_recordings, require_few
    from tune_asr.evaluate.result import passed_over, write_rows

    found = read_recordings(paths, model.config, model.skip_bad)
    _flush(found.bad_lines())
    bad, rows = [*found.bad_rows], []
    for utterance in found.utterances:
        try:
            text = transcribe_one(model, utterance)
        except DataError as error:  # a header may be right, and the samples damaged
            bad += (replace(problem, place=utterance.id) for problem in error.problems)
            require_few(bad, len(paths), model.skip_bad)
            _say(f"passed over: {bad[-1].message}")
            continue
        print(f"{printable(utterance.id)}\t{text}", flush=True)
        rows.append({"id": utterance.id, "hypothesis": text})
    if output is not None:
        write_rows(output, [*rows, *passed_over(bad)])


def _clear_output(output: Path | None) -> None:
    """Refuse another file, or remove an earlier output."""
    from tune_asr.storage.job_copy import require_outside
    from tune_asr.storage.outputs import clear_output

    if output is not None:
        require_outside([("--output", output)], hint="Give a file on storage that stays.")
        clear_output(output, _TRANSCRIPTS, "--output")


def _flush(lines: Sequence[str]) -> None:
    for line in lines:
        _say(line)


def _say(text: str) -> None:
    """Print to stderr: standard output has the result alone."""
    print("\n".join(map(printable, text.split("\n"))), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
