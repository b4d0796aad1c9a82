"""`train --dry-run`: everything but the training."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tune_asr.config.base_files import bases_in_words
from tune_asr.config.sections import Config
from tune_asr.corpus.beside import check_beside
from tune_asr.corpus.sources import survey
from tune_asr.errors import TuneAsrError
from tune_asr.speech.survey.facts import FORMAT, DataFacts
from tune_asr.speech.survey.survey import Survey
from tune_asr.storage.atomic import probe_writable, write_atomic
from tune_asr.storage.outputs import clear_output

FLAG = "--json"
_REPORT = re.compile(rb'\{\s*"format": \d+,\s*"configuration": ')
"""Beginning of a file of `--json`."""


def dry_run(config: Config, files: Sequence[str], path: Path | None) -> None:
    """Check configuration and data, and print the data report.

    Args:
        config: configuration of a training.
        files: names of the files that it was read from, the upper one first.
        path: file for the report as JSON, None for none. It is written for data that are refused as well.

    Raises:
        ConfigError: a file or a class that the configuration names is wrong, or `path` is a file of another kind.
        DataError: the data cannot be used.
        StorageError: the file cannot be written.
    """
    if path:  # before the survey, which may take minutes
        clear_output(path, _REPORT, FLAG)
        probe_writable(path.parent, setting=FLAG)
    if chain := bases_in_words(files):
        print(chain, flush=True)
    found = None
    try:
        check_beside(config, adds_noise=config.augment.noise_p > 0)
        found = survey(config)
        _check(config, found)
    except TuneAsrError as error:
        if path:
            _write(path, files, found, error)
        raise
    if path:
        _write(path, files, found, None)


def _check(config: Config, found: Survey | None) -> None:
    from tune_asr.training.initial import check_initial
    from tune_asr.training.targets import check_targets

    if found is not None:
        print(found.render(), flush=True)
        found.check()
    check_targets(config)
    check_initial(config)
    if found is None:
        print("the configuration has no mistakes; custom data have no data report", file=sys.stderr, flush=True)


def _write(path: Path, files: Sequence[str], found: Survey | None, refusal: TuneAsrError | None) -> None:
    """Write the report for programs."""
    content = {
        "format": FORMAT,
        "configuration": files,
        "exit_code": refusal.exit_code if refusal else 0,
        "error": str(refusal) if refusal else None,
        "data": asdict(DataFacts.of(found)) if found else None,
    }
    text = json.dumps(content, ensure_ascii=False, indent=1)
    write_atomic(path, f"{text}\n".encode(errors="backslashreplace"), setting=FLAG)
