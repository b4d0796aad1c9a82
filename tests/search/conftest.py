from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interrupted_search import Interrupted


@pytest.fixture
def interrupted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Interrupted]:
    search = Interrupted(tmp_path / "results" / "lr", capsys)
    yield search
    search.ledger.close()
