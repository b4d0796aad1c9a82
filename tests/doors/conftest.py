"""The door `train` in this process: what importing torch and Lightning costs is paid once."""

import json
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import yaml

QUICK = {
    "data": {
        "num_train": 56,
        "num_val": 12,
        "max_words": 2,
        "alphabet": "abcdef",
        "num_words": 30,
        "noise": 0.0,
        "batch_size": 8,
    },
    "model": {"dim": 24, "num_layers": 2, "kernel_size": 5},
    "optimizer": {"lr": 0.03},
    "trainer": {"max_epochs": 3},
    "logging": {"tensorboard": False},
}
ASSIGNMENT = re.compile(r"[a-z_.]+=")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Ended:
    """How a run of the door ended."""

    code: int
    out: str
    err: str

    @property
    def best(self) -> dict:
        """The JSON object in the last line."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def refusal(self) -> str:
        """What stderr has from its line `error: ...` on: the data report may stand above it."""
        return self.err[self.err.index("error: ") :]


@dataclass
class Door:
    """`python -m tune_asr.train` in a folder of its own, which has a `config.yaml`."""

    root: Path
    capsys: pytest.CaptureFixture

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

    def write(self, **sections: dict) -> None:
        """Write the configuration: sections take the place of the quick ones."""
        (self.root / "config.yaml").write_text(yaml.safe_dump({**QUICK, **sections}))

    @property
    def files(self) -> set[str]:
        """All files below the folder, but for the configuration and the lock, which outlives every training."""
        paths = (path for path in self.root.rglob("*") if path.is_file() and path.name != ".lock")
        return {str(path.relative_to(self.root)) for path in paths} - {"config.yaml"}

    def checkpoint(self, path: str) -> dict:
        return torch.load(self.root / path, weights_only=True)


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    door = Door(tmp_path, capsys)
    door.write()
    yield door
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def own(tmp_path, request):
    """Writes a user's own module into the working directory; returns the name to import it by."""
    name = f"own_{tmp_path.name}"

    def write(source: str) -> str:
        (tmp_path / f"{name}.py").write_text(source)
        return name

    yield write
    sys.modules.pop(name, None)
