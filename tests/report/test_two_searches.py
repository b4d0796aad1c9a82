"""`python -m tune_asr.report DIR1 DIR2`: two searches on one ruler, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.written_search import Search
from tune_asr.report import __main__ as report

ASSETS = Path(__file__).parents[1] / "assets"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Search, Search]]:
    """Two searches over the same utterances, the first of them better, and dearer."""
    searches = []
    for name, curves, lr in (("new", ([9, 6, 1], [8, 7]), 0.003), ("old", ([9, 5, 4],), 0.001)):
        search = Search(tmp_path / name)
        search.describe(name=name, config={"optimizer": {"weight_decay": lr}, "trainer": {"max_epochs": 4}})
        search.start()
        for curve in curves:
            trial = search.trial(**{"optimizer.lr": 0.01, **({"model.dropout": 0.1} if name == "new" else {})})
            for wrong in curve:
                search.epoch(trial, [wrong] * 20)
        searches.append(search)
    yield searches[0], searches[1]
    for search in searches:
        search.ledger.close()


def compared(pair: tuple[Search, Search], capsys, *more: str) -> tuple[int, str]:
    code = report.main([*(str(search.folder.root) for search in pair), *more])
    printed = capsys.readouterr()
    return code, " ".join((printed.out + printed.err).split())


def test_two_searches_side_by_side(pair, capsys):
    code, text = compared(pair, capsys)
    assert code == 0
    assert text.startswith("new old status interrupted interrupted trials 2 1 epochs 5 3 ")
    assert "best trial 00000 00000 its epochs 3 3 WER % 10.0 40.0 95 % 10.0-10.0 40.0-40.0 CER % 5.0 20.0" in text
    assert "The winner of new beats the winner of old: its WER is 30.0 to 30.0 points lower" in text


def test_searches_compare_at_equal_cost(pair, capsys):
    _, text = compared(pair, capsys)
    assert (
        "after the same number of epochs, over all trials: epochs new old 1 90.0 90.0 2 60.0 50.0 3 10.0 40.0" in text
    )


def test_differences_are_listed(pair, capsys):
    _, text = compared(pair, capsys)
    assert "Searched in new alone: model.dropout." in text
    assert "The base configurations differ in 1 key: new old optimizer.weight_decay 0.003 0.001" in text
    pair[0].describe(data_fingerprint="a", val_fingerprint="v")
    pair[1].describe(data_fingerprint="b", val_fingerprint="v")
    assert "Their training data differ; the validation data are the same." in compared(pair, capsys)[1]


def test_other_validation_data_are_refused(pair, capsys):
    for search, fingerprint in zip(pair, "ab", strict=True):
        search.describe(val_fingerprint=fingerprint)
    code, text = compared(pair, capsys)
    assert code == 2
    assert "measured on different validation data, so their error rates do not compare" in text


def test_utterances_stand_in_for_fingerprints(pair, capsys):
    """Release 0.1.0 wrote the fingerprint of all data alone."""
    for search, fingerprint in zip(pair, "ab", strict=True):
        search.describe(data_fingerprint=fingerprint)
    assert compared(pair, capsys)[0] == 0
    pair[1].epoch(pair[1].trial(), [0])
    code, text = compared(pair, capsys)
    assert (code, "different validation data" in text) == (2, True)


def test_unknown_validation_data_are_refused(pair, capsys):
    empty = Search(pair[0].folder.root.parent / "empty")
    empty.describe()
    code, text = compared((pair[0], empty), capsys)
    assert (code, "may have different validation data" in text) == (2, True)


def test_searches_ranked_apart_are_refused(pair, capsys):
    pair[1].describe(metric="val_cer")
    code, text = compared(pair, capsys)
    assert (code, "the first is ranked by WER, the second by CER" in text) == (2, True)


@pytest.mark.parametrize("flags", [["--html", "x.html"], ["--compare", "0", "1"]])
def test_flags_for_one_search_are_refused(pair, capsys, flags):
    code, text = compared(pair, capsys, *flags)
    assert code == 2
    assert f"{flags[0]}: is given with two folders" in text


def test_same_search_twice_is_refused(pair, capsys):
    assert compared((pair[0], pair[0]), capsys)[0] == 2


def test_equal_names_give_paths(pair, capsys, tmp_path):
    (tmp_path / "deeper").mkdir()
    moved = pair[1].folder.root.rename(tmp_path / "deeper" / "new")
    assert report.main([str(pair[0].folder.root), str(moved)]) == 0
    assert str(moved) in capsys.readouterr().out


def test_searches_of_first_release_compare(capsys):
    assert report.main([str(ASSETS / "results-0.1.0"), str(ASSETS / "interrupted-0.1.0")]) == 0
    out = capsys.readouterr().out
    assert "cannot be told apart" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_near_100_percent_has_no_winner(tmp_path, capsys):
    pair = []
    for name, wrong in (("new", 10), ("old", 9.9)):
        search = Search(tmp_path / name)
        search.describe(name=name)
        search.start()
        trial = search.trial(**{"optimizer.lr": 0.01})
        search.epoch(trial, [10] * 19 + [int(wrong)])
        pair.append(search)
    code, text = compared((pair[0], pair[1]), capsys)
    assert code == 0
    assert "Which winner is better is not known. The best WER is near 100 %" in text
    for search in pair:
        search.ledger.close()
