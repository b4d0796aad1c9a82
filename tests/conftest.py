"""What tests share: a search so small that a trial takes a second, run as a user would run it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from tests.written_search import Search
from tune_asr.errors import ENDING_SIGNALS

REPOSITORY = Path(__file__).parents[1]

# A shell lets its background jobs ignore SIGINT, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TINY_CONFIG = {
    "data": {"num_train": 64, "num_val": 16, "max_words": 2, "alphabet": "abcd", "num_words": 40, "batch_size": 4},
    "model": {"dim": 32, "num_layers": 2, "kernel_size": 5},
    "trainer": {"max_epochs": 6},
}
TINY_SPACE = {
    "config": "config.yaml",
    "param_space": {"optimizer.lr": {"loguniform": [3.0e-4, 3.0e-2]}, "model.dropout": {"choice": [0.0, 0.2]}},
    "search": {"num_samples": 5, "max_concurrent": 1},
    "asha": {"grace_period": 2, "reduction_factor": 2},
}


class Workspace:
    """A folder with a tiny configuration and space, and the doors run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.processes: list[subprocess.Popen] = []
        self.write("config.yaml", TINY_CONFIG)
        self.write("space.yaml", TINY_SPACE)

    def write(self, name: str, values: dict) -> Path:
        (self.root / name).write_text(yaml.safe_dump(values), encoding="utf-8")
        return self.root / name

    def popen(self, door: str, *arguments: str, **environment: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tune_asr.{door}", *arguments],
            cwd=self.root,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def run(self, door: str, *arguments: str, expect: int = 0, **environment: str) -> subprocess.CompletedProcess:
        process = self.popen(door, *arguments, **environment)
        try:
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()
        assert process.returncode == expect, f"exit {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def ledger(self, name: str = "space") -> list[dict]:
        path = self.root / "results" / name / "trials.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def reports(self, name: str = "space") -> int:
        return sum(event["event"] == "report" for event in self.ledger(name))

    def wait_for(self, process: subprocess.Popen, condition, seconds: float = 200) -> None:
        """Wait until `condition()` holds while the process runs."""
        end = time.monotonic() + seconds
        while not condition():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end, "it never happened"
            time.sleep(0.02)

    def kill(self, process: subprocess.Popen, number: int = signal.SIGKILL) -> tuple[str, str]:
        os.kill(process.pid, number)
        return process.communicate(timeout=60)


def write_documented(folder: Path) -> None:
    """Write the files that `configs/README.md` shows, and a little of the speech that its data module reads."""
    text = (REPOSITORY / "configs" / "README.md").read_text(encoding="utf-8")
    for content, name in re.findall(r"^```\w+\n(# ([\w.]+)\n.*?)^```", text, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(content)
    random = np.random.default_rng(0)
    for split, number in (("train", 12), ("val", 4)):
        (folder / "speech" / split).mkdir(parents=True)
        for i in range(number):
            words = " ".join("".join(random.choice(list("abc"), 2)) for _ in range(2))
            tones = [np.sin(2 * np.pi * 400 * "_ abc".index(letter) * np.arange(1200) / 8000) for letter in words]
            samples = np.concatenate(tones) * 0.3 + random.normal(0, 0.01, 1200 * len(words))
            soundfile.write(folder / "speech" / split / f"{i}.wav", samples, 8000)
            (folder / "speech" / split / f"{i}.txt").write_text(f"{words}\n")


@pytest.fixture(scope="module", autouse=True)
def own_signals() -> Iterator[None]:
    """Restores the signal handlers that a door replaces in this process."""
    handlers = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def documented():
    return write_documented


@pytest.fixture(scope="session")
def make_workspace():
    return Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path)
    yield workspace
    for process in workspace.processes:  # of a test that failed; Ray's processes end with the one that started them
        process.kill()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A search that ran to its end without being disturbed, one trial at a time."""
    workspace = Workspace(tmp_path_factory.mktemp("finished"))
    workspace.stdout = workspace.run("search", "--space", "space.yaml").stdout
    return workspace


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    built = Search(tmp_path / "results" / "lr")
    yield built
    built.ledger.close()
