"""From the command to the first training step: tune_asr.search beside a plain Ray Tune and Lightning script."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.searches import first_steps, run_python, run_search
from tests.benchmarks.table import Row

# As many trials and epochs as `plain_script` has: few, since only the start is looked at.
SPACE = {
    "param_space": {"optimizer.lr": {"loguniform": [1.0e-4, 3.0e-2]}},
    "over": {"trainer.max_epochs": 2},
    "search": {"num_samples": 2},
    "asha": {"grace_period": 1},
}
TIMES = 2


def measure() -> list[Row]:
    """Time each in turn, after an import, so that none reads the libraries from a cold disk."""
    run_python("-c", "import lightning.pytorch, ray.tune")
    pairs = [(plain_seconds(), our_seconds()) for _ in range(TIMES)]
    plain, ours = (median(seconds) for seconds in zip(*pairs, strict=True))
    return [
        Row(claim="command to first step, over a plain script's", value=ours / plain, unit="", at_most=0.6),
        Row(claim=f"tune_asr.search, median of {TIMES}", value=ours),
        Row(claim=f"plain Ray Tune and Lightning, median of {TIMES}", value=plain),
        Row(claim="tune_asr.search with AWS_SECRET_ACCESS_KEY set", value=our_seconds(AWS_SECRET_ACCESS_KEY="none")),
        Row(claim="tune_asr.search with TUNE_ASR_PLAIN_RAY=1", value=our_seconds(TUNE_ASR_PLAIN_RAY="1")),
    ]


def our_seconds(**environment: str) -> float:
    """Time the command to the first step of any trial."""
    run = run_search(SPACE, **environment)
    return min(first_steps(run.events).values()) - run.began


def plain_seconds() -> float:
    """The same of `plain_script`, whose trials leave the times of their first steps in files."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        began = time.time()
        run_python("-m", "tests.benchmarks.plain_script", folder, TMPDIR=folder)
        return min(float(path.read_text()) for path in Path(folder).glob("first_step.*")) - began
