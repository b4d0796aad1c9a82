"""The console script `tune-asr DOOR ...`: the same programs as `python -m tune_asr.DOOR ...`."""

from __future__ import annotations

import importlib
import sys

DOORS = ("search", "train", "report", "export")


def main() -> int:
    """Hand the rest of the command line to a door; returns its exit code."""
    door = sys.argv[1] if len(sys.argv) > 1 else ""
    if door not in DOORS:
        asked = door in ("-h", "--help")
        print(
            f"usage: tune-asr {{{','.join(DOORS)}}} ...\n\ntune-asr DOOR --help says the rest.",
            file=sys.stdout if asked else sys.stderr,
        )
        return 0 if asked else 2
    code: int = importlib.import_module(f"tune_asr.{door}.__main__").main(sys.argv[2:])
    return code


if __name__ == "__main__":
    sys.exit(main())
