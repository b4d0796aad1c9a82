"""Descendants of a process, and their end."""

import subprocess
import sys
from pathlib import Path

FAMILY = Path(__file__).with_name("programs") / "family.py"


def test_kill_descendants_spares_given_pids():
    """All others are killed, parents before their children."""
    run = subprocess.run([sys.executable, FAMILY], capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == ["True", "True", "-9", "True"], run.stderr
