"""How fast tune_asr is, each claim as a figure or as a ratio of things measured side by side.

    python -m tests.benchmarks                      # from the repository root; about five minutes
    python -m tests.benchmarks gap help             # some rows
    python -m tests.benchmarks --data DIR           # rows on recorded speech too: DIR has train.jsonl and val.jsonl

Let nothing else run meanwhile. The exit code is 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.benchmarks import buckets, doors, gap, slots, start
from tests.benchmarks.table import machine, render


def main() -> int:
    """Measure the rows asked for, and print the table."""
    rows = {
        "help": doors.measure,
        "start": start.measure,
        "gap": gap.measure,
        "slots": slots.measure,
        "buckets": lambda: buckets.measure(arguments.data),
    }
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure tune_asr.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(rows)} (default: all)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="recorded speech: train.jsonl and val.jsonl")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(rows):
        parser.error(f"unknown row {unknown.pop()}: there are {', '.join(rows)}")

    facts = machine()
    groups = []
    for name in arguments.rows or rows:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        groups.append((name, rows[name]()))
    print(f"\n{facts}\n\n{render(groups)}")
    return int(any(row.misses for _, measured in groups for row in measured))


if __name__ == "__main__":
    sys.exit(main())
