"""The door to a search's results: what happened, how sure it is, what can be done next.

    python -m tune_asr.report results/NAME
    python -m tune_asr.report results/NAME --compare 00003 00007

It reads the ledger alone (intervals and ranges come from the files beside it, where they are), writes
nothing, and may be used while the search runs. It never waits for torch or ray.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tune_asr.errors import exit_with


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report of the folder named on the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tune_asr.report",
        description="Show what a search has found, also while it runs.",
        epilog="Exit codes: 0 shown, 2 usage, 5 not a results folder, or damaged.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the results folder, e.g. results/lr")
    parser.add_argument("--compare", nargs=2, metavar="ID", help="only whether one of two trials beats the other")
    arguments = parser.parse_args(argv)
    return exit_with(lambda: _report(arguments.folder, arguments.compare))


def _report(folder: Path, compare: Sequence[str] | None) -> int:
    from tune_asr.record.terminal_report import print_comparison, print_report

    if compare:
        print_comparison(folder, *compare)
    else:
        print_report(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
