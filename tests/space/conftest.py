"""Space files and their base configurations for tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tune_asr.config.overrides import parse_assignments
from tune_asr.space.plan import Plan, load_plan


class Spaces:
    """Files `space.yaml` and `base.yaml`, written and loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = "{}"

    def load(self, text: str, *assignments: str) -> Plan:
        """Load a space with `text` below its `config:`."""
        (self.folder / "base.yaml").write_text(self.base)
        (self.folder / "space.yaml").write_text(f"config: base.yaml\n{text}\n")
        return load_plan(self.folder / "space.yaml", None, parse_assignments(assignments))


@pytest.fixture
def spaces(tmp_path, monkeypatch) -> Spaces:
    monkeypatch.chdir(tmp_path)
    return Spaces(tmp_path)
