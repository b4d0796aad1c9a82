"""A search with two rungs, and its page, rendered once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from html_pages import SPACE, Page, page_of, rungs
from wave_search import WaveSearch

from tests.written_search import Search


def write_rungs(search: Search) -> Search:
    search.describe(space=SPACE, config={"optimizer": {"lr": 0.002}})
    return rungs(search)


@pytest.fixture
def rung_search(search: Search) -> Search:
    """A search of six trials, every other one pruned, for a test that changes it."""
    return write_rungs(search)


@pytest.fixture(scope="session")
def shared_search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    """The same search, for tests that only read it."""
    search = Search(tmp_path_factory.mktemp("shared") / "results" / "lr")
    yield write_rungs(search)
    search.ledger.close()


@pytest.fixture(scope="session")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    """A finished search in waves, for tests that only read it."""
    search = Search(tmp_path_factory.mktemp("waves") / "results" / "lr")
    WaveSearch(search).conduct()
    yield search
    search.ledger.close()


@pytest.fixture(scope="session")
def shared_page(shared_search: Search) -> Page:
    return page_of(shared_search.folder.root)


@pytest.fixture(scope="session")
def shared_file(shared_search: Search, shared_page: Page) -> Path:
    """The file of `shared_page`."""
    return shared_search.folder.root.parent / "page.html"
