"""A space file and its base configuration, written where a test wants them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tune_asr.config.overrides import parse_assignments
from tune_asr.space.plan import Plan, load_plan


class Spaces:
    """Writes `space.yaml` over `base.yaml` and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = "{}"

    def load(self, text: str, *assignments: str) -> Plan:
        """The plan of a space of which `text` is all but `config:`."""
        (self.folder / "base.yaml").write_text(self.base)
        (self.folder / "space.yaml").write_text(f"config: base.yaml\n{text}\n")
        return load_plan(self.folder / "space.yaml", None, parse_assignments(assignments))


@pytest.fixture
def spaces(tmp_path, monkeypatch) -> Spaces:
    monkeypatch.chdir(tmp_path)
    return Spaces(tmp_path)
