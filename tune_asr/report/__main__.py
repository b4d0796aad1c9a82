"""Command line of the report.

    python -m tune_asr.report results/NAME [--html FILE [--watch]]
    python -m tune_asr.report results/NAME --compare 00003 00007
    python -m tune_asr.report results/NAME results/OTHER

The ledger is enough. Intervals, ranges and texts come from the files beside it, and the HTML reads the references of
validation again from their manifest. Only FILE is written, so a report can be made while the search runs. Neither
torch nor Ray is imported.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tune_asr.errors import ConfigError, Problem, StorageError, exit_with
from tune_asr.storage.job_copy import require_outside


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report of a folder; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tune_asr.report",
        description="Show the results of a search, finished or running.",
        epilog="Exit codes: 0 done, 2 usage, or two searches with other validation data, 5 not a results folder, a "
        "damaged one, or FILE cannot be written, 130 Ctrl-C.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the results folder, e.g. results/lr")
    parser.add_argument(
        "other", metavar="DIR2", nargs="?", type=Path, help="a second results folder, to compare two searches"
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--html", metavar="FILE", type=_file, help="write the report and its figures to one HTML file")
    again = "with --html: write FILE every 10 s until the search ends; a browser loads it again by itself"
    parser.add_argument("--watch", action="store_true", help=again)
    either.add_argument("--compare", nargs=2, metavar="ID", help="compare two trials by their numbers")
    arguments = parser.parse_args(argv)
    gc.disable()  # a ledger makes many objects and no cycles
    try:
        if arguments.other:
            return exit_with(lambda: _compare_searches(arguments.folder, arguments.other, arguments))
        return exit_with(lambda: _report(arguments))
    finally:
        gc.enable()


def _file(text: str) -> Path:
    """Return a path, but refuse an empty one.

    Otherwise it would be the working directory.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty, but must be the path of a file")
    return Path(text)


def _compare_searches(folder: Path, other: Path, arguments: argparse.Namespace) -> int:
    """Print two searches side by side.

    Raises:
        ConfigError: the searches were not measured alike, or a flag is given that shows one search.
    """
    for flag in ("html", "watch", "compare"):
        if getattr(arguments, flag):
            what = f"is given with two folders, but shows one search: {folder}, {other}"
            raise ConfigError(Problem(f"--{flag}", what, f"Leave out --{flag}, or the second folder."))
    from tune_asr.report.terminal import print_two_searches

    print_two_searches(folder, other)
    return 0


GENERATOR = b'<meta name="generator" content="tune_asr">'
"""Head of each report, by which an earlier one is recognised."""


def _report(arguments: argparse.Namespace) -> int:
    if arguments.html is not None:
        return _write_html(arguments.folder, arguments.html, watched=arguments.watch)
    if arguments.watch:
        raise ConfigError("--watch is given without --html", "Add --html FILE: the file is what is written anew.")
    from tune_asr.report.terminal import print_comparison, print_report

    if arguments.compare:
        print_comparison(arguments.folder, *arguments.compare)
    else:
        print_report(arguments.folder)
    return 0


def _check_file(file: Path) -> None:
    """Refuse a file early if it cannot become a report.

    Raises:
        StorageError: the file cannot be written, or is something else.
    """
    if file.is_dir():
        raise StorageError(Problem(str(file), "this is a folder", f"Name a file, e.g. --html {file / 'report.html'}."))
    if not file.parent.is_dir():
        what = f"{file.parent} is not a folder"
        raise StorageError(Problem(str(file), what, "Make it, or name a file in an existing folder."))
    # It may be a ledger, a configuration or a device.
    if os.path.lexists(file) and not _is_replaceable(file):
        what = "not a report of tune_asr, and only reports are overwritten"
        raise StorageError(Problem(str(file), what, "Name another file, or remove this one."))


def _is_replaceable(file: Path) -> bool:
    """Return whether the file is an earlier report, or empty."""
    if file.is_symlink() or not file.is_file():
        return False
    with file.open("rb") as stream:
        head = stream.read(200)
    return not head or GENERATOR in head


def _write_html(folder: Path, file: Path, *, watched: bool) -> int:
    require_outside([("--html", file)], hint="Give a file on storage that stays.")
    _check_file(file)
    missing = [name for name in ("plotly", "jinja2") if find_spec(name) is None]
    if missing:
        what = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
        raise ConfigError(
            Problem(
                "--html", what, "Install what figures need, in the folder of pyproject.toml: pip install -e '.[report]'"
            )
        )
    from tune_asr.report.html.page import write_page
    from tune_asr.report.html.watch import SECONDS, watch

    is_running = write_page(folder, file, reload=SECONDS if watched else 0)
    print(file, flush=True)
    if watched and is_running:
        watch(folder, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
