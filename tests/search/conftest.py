from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.interrupted_search import Interrupted
from tests.search.conductors import conductor_of
from tests.written_search import finished_search
from tune_asr.record import new_folder
from tune_asr.record.folder import ResultsFolder
from tune_asr.search.conductor import Conductor


@pytest.fixture
def interrupted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Interrupted]:
    search = Interrupted(tmp_path / "results" / "lr", capsys)
    yield search
    search.ledger.close()


@pytest.fixture
def folder(tmp_path: Path) -> ResultsFolder:
    return new_folder.create(tmp_path / "results")


@pytest.fixture
def make(folder: ResultsFolder) -> Callable[..., Conductor]:
    """Function that makes a conductor of the folder, again after a kill; see `conductor_of`."""
    return partial(conductor_of, folder)


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """Folder of a finished search, of which 00001 is the best trial."""
    return finished_search(tmp_path / "lr").folder.root
