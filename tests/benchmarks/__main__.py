"""How fast tune_asr is, each claim as a figure or as a ratio of things measured side by side.

    python -m tests.benchmarks                      # from the repository root; ten minutes on two cores
    python -m tests.benchmarks gap help             # some rows
    python -m tests.benchmarks gpu steps --data DIR # on a GPU, also pack, resume, packed; only by name
    python -m tests.benchmarks --data DIR           # rows on recorded speech too: DIR has train.jsonl and val.jsonl
    python -m tests.benchmarks free                 # proposals on functions drawn from a table
    python -m tests.benchmarks replay               # how good searches are on recorded curves, beside Optuna and Ray
    python -m tests.benchmarks live --results DIR   # live searches beside Optuna and Ray; hours, or small numbers
    python -m tests.benchmarks record --data DIR    # a table of learning curves; the same command again continues it

Let nothing else run meanwhile. The exit code is 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from tests.benchmarks import (
    buckets,
    core,
    costs,
    doors,
    evaluating,
    export,
    features,
    gap,
    gpu,
    gpu_searches,
    memory,
    recordings,
    reports,
    slots,
    start,
)
from tests.benchmarks.table import Row, machine, render

ROWS: dict[str, Callable[[Path | None], list[Row]]] = {
    "gap": lambda _: gap.measure(),
    "slots": lambda _: slots.measure(),
    "buckets": buckets.measure,
    "core": core.measure,
    "features": lambda _: features.measure(),
    "memory": memory.measure,
    "recordings": lambda _: recordings.measure(),
    "start": lambda _: start.measure(),
    "export": lambda _: export.measure(),
    "bundle": lambda _: evaluating.measure(),
    "help": lambda _: doors.measure(),
    "report": lambda _: reports.measure(),
    "engine": lambda _: costs.measure(),
}


GPU_ROWS: dict[str, Callable[[Path | None], list[Row]]] = {
    "steps": gpu.steps,
    "pack": gpu_searches.pack,
    "resume": gpu_searches.resume,
    "packed": gpu_searches.packed,
}
"""Rows after the word `gpu`."""

COMMANDS: dict[str, str] = {
    "record": "tests.benchmarks.record",
    "replay": "tests.benchmarks.replay",
    "live": "tests.benchmarks.live",
    "free": "tests.benchmarks.free_functions",
}
"""Modules with a `main` and arguments of their own, by their first word."""


def main() -> int:
    """Measure the rows asked for, and print the table."""
    if module := COMMANDS.get("".join(sys.argv[1:2])):
        return int(import_module(module).main(sys.argv[2:]))
    parser = _parser()
    arguments = parser.parse_args()
    known, names = ROWS, arguments.rows or list(ROWS)
    if names[0] == "gpu":
        known, names = GPU_ROWS, names[1:] or list(GPU_ROWS)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"there is no row {unknown[0]}, but there are {', '.join(known)}")

    facts = machine()
    groups = []
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        groups.append((name, known[name](arguments.data)))
    print(f"\n{facts}\n\n{render(groups)}")
    return int(any(row.misses for _, rows in groups for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measure how fast tune_asr is.",
        epilog=f"Other measurements, with flags of their own (--help): {', '.join(COMMANDS)}.",
    )
    on_gpu = f"on a GPU: gpu, then any of {', '.join(GPU_ROWS)} (default: all of them)"
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(ROWS)} (default: all); {on_gpu}")
    parser.add_argument("--data", type=Path, metavar="DIR", help="recorded speech: train.jsonl and val.jsonl")
    return parser


if __name__ == "__main__":
    sys.exit(main())
