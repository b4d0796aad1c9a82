"""What help and a mistake cost: nobody should wait for torch to be told of a typing error."""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks.searches import REPOSITORY, run_python
from tests.benchmarks.table import Row

TIMES = 5
DOORS = ("search", "train", "report", "export", "evaluate")
WRONG_CONFIG = "optimizer: {learning_rate: 1.0e-3}\n"
WRONG_SPACE = "config: {config}\nparam_space:\n  optimizer.lr: {{uniform: [1, 0]}}\n"


def measure() -> list[Row]:
    """CPU seconds, user's and system's, of whole commands."""
    rows = [
        Row(claim=f"CPU of {door} --help", value=cpu_seconds("-m", f"tune_asr.{door}", "--help"), at_most=0.3)
        for door in DOORS
    ]
    with tempfile.TemporaryDirectory() as folder:
        config, space = Path(folder, "config.yaml"), Path(folder, "space.yaml")
        config.write_text(WRONG_CONFIG)
        space.write_text(WRONG_SPACE.format(config=REPOSITORY / "configs/train.yaml"))
        for door, flag, path in (("train", "--config", config), ("search", "--space", space)):
            seconds = cpu_seconds("-m", f"tune_asr.{door}", flag, str(path), code=2)
            rows.append(Row(claim=f"CPU of {door} {flag} on a wrong file", value=seconds, at_most=1))
    return [*rows, Row(claim="CPU of python -c pass", value=cpu_seconds("-c", "pass"))]


def cpu_seconds(*arguments: str, code: int = 0) -> float:
    """CPU time of a Python command that must end with the exit code `code`; median of a few runs."""
    found: list[float] = []
    for _ in range(TIMES):
        before = _children()
        run_python(*arguments, code=code)
        found.append(_children() - before)
    return median(found)


def _children() -> float:
    """CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
