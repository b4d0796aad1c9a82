"""Door `train` in this process: torch is imported once."""

import json
import re
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import yaml

from tests.quick import QUICK

PROGRAMS = Path(__file__).parents[1] / "programs"
CONFIG = {**QUICK, "trainer": {"max_epochs": 3}, "logging": {"tensorboard": False}}
ASSIGNMENT = re.compile(r"[a-z_.]+=")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Ended:
    """End of a run of the door."""

    code: int
    out: str
    err: str

    @property
    def best(self) -> dict:
        """JSON object in the last line."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def refusal(self) -> str:
        """End of stderr, from `error: ...` on."""
        return self.err[self.err.index("error: ") :]


@dataclass
class Door:
    """Door `train` in a folder with a `config.yaml`."""

    root: Path
    capsys: pytest.CaptureFixture
    earlier: dict[tuple[str, ...], tuple[Path, Ended]]
    """Folders and ends of `prepare`, by their flags."""

    def __call__(self, *arguments: str, expect: int = 0) -> Ended:
        """Run with flags, and with `KEY=VALUE` for each `--set`."""
        from tune_asr.train.__main__ import main

        flags = [flag for text in arguments for flag in (["--set", text] if ASSIGNMENT.match(text) else [text])]
        try:
            code = main(["--config", "config.yaml", *flags])
        except SystemExit as end:
            code = end.code
        out, err = self.capsys.readouterr()
        assert code == expect, f"exit {code}\n{out}\n{err}"
        assert "Traceback" not in err
        return Ended(code, out, err)

    def prepare(self, *arguments: str) -> Ended:
        """Run with flags, or copy the files of an earlier run.

        The configuration must be the quick one.
        """
        if arguments in self.earlier:
            folder, ended = self.earlier[arguments]
            shutil.copytree(folder, self.root, dirs_exist_ok=True)
            return ended
        ended = self(*arguments)
        folder = self.root.with_name(f"{self.root.name}-kept")
        shutil.copytree(self.root, folder)
        self.earlier[arguments] = folder, ended
        return ended

    def write(self, **sections: dict) -> None:
        """Write the configuration: the quick one with these sections."""
        (self.root / "config.yaml").write_text(yaml.safe_dump({**CONFIG, **sections}))

    @property
    def files(self) -> set[str]:
        """Files below the folder, except the configuration and the lock."""
        paths = (path for path in self.root.rglob("*") if path.is_file() and path.name != ".lock")
        return {str(path.relative_to(self.root)) for path in paths} - {"config.yaml"}

    def checkpoint(self, path: str) -> dict:
        return torch.load(self.root / path, weights_only=True)


@pytest.fixture(scope="session")
def earlier_runs():
    return {}


@pytest.fixture
def train(tmp_path, monkeypatch, capsys, earlier_runs):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    door = Door(tmp_path, capsys, earlier_runs)
    door.write()
    yield door
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def custom(tmp_path):
    """Copy a program into the working directory; returns its module name."""
    name = f"own_{tmp_path.name}"

    def write(program: str, old: str = "", new: str = "") -> str:
        source = (PROGRAMS / program).read_text()
        assert old in source
        (tmp_path / f"{name}.py").write_text(source.replace(old, new) if old else source)
        return name

    yield write
    sys.modules.pop(name, None)
