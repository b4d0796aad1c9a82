"""Console script `tune-asr COMMAND ...`: the programs of `python -m tune_asr.COMMAND ...` under one name."""

from __future__ import annotations

import importlib
import sys

from tune_asr import __version__

DOORS = ("search", "train", "report", "export", "evaluate")
USAGE = f"""\
usage: tune-asr {{{",".join(DOORS)}}} ...
       tune-asr --version

Run `tune-asr COMMAND --help` for the flags of a command."""


def main() -> int:
    """Run a door; return its exit code."""
    match sys.argv[1:]:
        case [door, *rest] if door in DOORS:
            code: int = importlib.import_module(f"tune_asr.{door}.__main__").main(rest)
            return code
        case ["--version"]:
            print(f"tune_asr {__version__}")
        case ["-h" | "--help", *_]:
            print(USAGE)
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
