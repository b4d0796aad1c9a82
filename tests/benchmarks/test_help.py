"""Help of the benchmarks."""

import subprocess
import sys

from tests.benchmarks.gpu import REPOSITORY


def test_help_names_every_group():
    command = [sys.executable, "-m", "tests.benchmarks", "--help"]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout
    for name in ("features", "gpu", "steps", "pack", "resume", "packed", "replay", "live"):
        assert name in found
