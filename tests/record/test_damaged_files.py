"""Damaged files of a search are read, or refused without a traceback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ledgers import read_lines
from tune_asr.errors import ConfigError, StorageError
from tune_asr.record.search_yaml import dump_yaml, read_search_yaml
from tune_asr.record.snapshots import write_snapshots
from tune_asr.record.state import SearchState
from tune_asr.report import __main__ as report
from tune_asr.search import __main__ as search
from tune_asr.space import plan
from tune_asr.space.stopping import Asha

WRONG: tuple[Any, ...] = ("x", -1, None, {"x": [1]})
SPACE = {
    "param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}, "model.dropout": {"choice": [0.0, 0.1, 0.2]}},
    "search": {"num_samples": 3},
    "asha": {"max_t": 4},
}
CONFIG = {"optimizer": {"lr": 0.1, "betas": [0.9, 0.98]}, "trainer": {"max_epochs": 4, "benchmark": False}}


@pytest.fixture
def searched(search):
    """Finished search with every kind of event."""
    search.describe(space=SPACE, config=CONFIG)
    search.start()
    for number in range(3):
        trial = search.trial(**{"optimizer.lr": 0.01 * (number + 1), "model.dropout": 0.1})
        search.epoch(trial, [number, 3, 4])
        search.log("decision", trial=trial, rung=0, epoch=1, value=0.5, cutoff=0.5, verdict="continue")
    search.log("paused", trial="00000", epoch=1, cause="killed", retry=1)
    search.log("resumed", trial="00000", epoch=1, cause="killed", damaged=["epoch_001: removed"])
    search.log("pruned", trial="00000", epoch=1)
    search.log("finished", trial="00001")
    search.log("diverged", trial="00002", epoch=2, cause="the training loss is nan")
    search.log("search_ended", status="finished")
    return search


def changed(values: Any) -> Iterator[Any]:
    """Yield `values` without a key, or with another value, at any depth."""
    for key, value in values.items():
        yield {name: other for name, other in values.items() if name != key}
        yield from ({**values, key: wrong} for wrong in WRONG)
        if isinstance(value, dict):
            yield from ({**values, key: inner} for inner in changed(value))


def test_unreadable_leaderboard_is_written_again(searched):
    snapshot(searched)
    whole = searched.folder.leaderboard.read_text()
    searched.folder.leaderboard.write_text(whole + '"' + "x" * 200_000)
    snapshot(searched)
    assert searched.folder.leaderboard.read_text() == whole


def snapshot(search) -> None:
    write_snapshots(
        search.folder,
        search.state,
        status="finished",
        metric="val_wer",
        config=CONFIG,
    )


def test_damaged_search_yaml_is_read_or_refused(searched, capsys):
    """Any key may be missing, or hold another value."""
    path = searched.folder.search_yaml
    whole = read_search_yaml(path)
    refused = 0
    for values in changed(whole):
        path.write_bytes(dump_yaml(values))
        try:
            read = read_search_yaml(path)
        except StorageError as error:
            refused += 1
            assert "Restore it from a copy" in str(error)
        except ConfigError as error:  # of a kind that a person writes
            refused += 1
            assert "Restore the value that the search began with, or the file from a copy" in str(error)
        else:
            plan.from_values(read["space"], read["config"], "search.yaml")
            if read["space"] != whole["space"] or read["metric"] != whole["metric"]:
                assert report.main([str(searched.folder.root)]) == 0
    assert refused > 80
    for key in whole:
        path.write_bytes(dump_yaml({name: value for name, value in whole.items() if name != key}))
        with pytest.raises(StorageError, match=rf"search\.yaml.*: {key}: is missing"):
            read_search_yaml(path)


def test_truncated_search_yaml_is_refused(searched):
    path = searched.folder.search_yaml
    whole = path.read_bytes()
    for length in range(0, len(whole) - 10, 10):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError, match="Restore it from a copy"):
            read_search_yaml(path)


def test_damaged_ledger_is_read_or_refused(searched, capsys):
    """Any field may be missing, or hold another value."""
    path = searched.folder.ledger
    whole = read_lines(path)
    first_of_its_kind = {event["event"]: line for line, event in reversed(list(enumerate(whole)))}
    for line in first_of_its_kind.values():
        for event in changed(whole[line]):
            lines = [*whole[:line], event, *whole[line + 1 :]]
            path.write_text("".join(json.dumps(each) + "\n" for each in lines))
            try:
                state = SearchState.read(path)
            except StorageError as error:
                assert "trials.jsonl:" in str(error)
                assert "Restore" in str(error)
                continue
            asha = Asha(grace_period=1, reduction_factor=2, max_t=4)
            asha.replay(decision for trial in state.trials.values() for decision in trial.decisions)
            searched.state = state
            snapshot(searched)
            assert report.main([str(searched.folder.root)]) == 0


def test_truncated_ledger_is_reported(searched, capsys):
    path = searched.folder.ledger
    whole = path.read_bytes()
    for length in range(0, len(whole), 10):
        path.write_bytes(whole[:length])
        SearchState.read(path)
    path.write_bytes(whole[: len(whole) // 2])
    assert report.main([str(searched.folder.root)]) == 0


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        '{"best": {"trial": "00000", "epoch": 1e999}}',
        "[]",
        "{",
        "[" * 5000,
        "{}",
        '{"best": 5}',
        '{"best": {"trial": [], "epoch": {}}}',
    ],
)
def test_damaged_summary_is_written_again(searched, damaged):
    snapshot(searched)
    whole = searched.folder.summary.read_bytes()
    searched.folder.summary.write_text(damaged)
    snapshot(searched)
    assert searched.folder.summary.read_bytes() == whole


def damage_ledger(folder):
    lines = folder.ledger.read_text().splitlines(keepends=True)
    folder.ledger.write_text("".join([*lines[:3], '{"event": "created"}\n', *lines[3:]]))


def negate_error_rate(folder):
    text = re.sub(r'"val_wer": [\d.]+', '"val_wer": -1', folder.ledger.read_text(), count=1)
    folder.ledger.write_text(text)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: folder.search_yaml.write_bytes(folder.search_yaml.read_bytes()[:200]), "search.yaml"),
        (lambda folder: folder.search_yaml.write_text(""), "search.yaml:1: the file is empty"),
        (lambda folder: folder.search_yaml.write_text("- 1\n"), "search.yaml:1: the top level is a list"),
        (damage_ledger, "trials.jsonl:4: the line is damaged: a created event without trial"),
        (negate_error_rate, "the line is damaged: val_wer is -1, but must be 0 or more"),
    ],
)
@pytest.mark.parametrize("door", ["report", "resume"])
def test_both_commands_exit_5_with_hint(searched, capsys, damage, message, door):
    damage(searched.folder)
    root = str(searched.folder.root)
    assert (report.main([root]) if door == "report" else search.main(["--resume", root])) == 5
    captured = capsys.readouterr()
    assert message in captured.err
    assert "estore" in captured.err
    assert captured.out == ""


def test_random_bytes_are_not_printed(searched, capsys):
    searched.folder.ledger.write_bytes(bytes(range(128, 256)) * 9 + b"\n" + bytes(range(256)))
    assert report.main([str(searched.folder.root)]) == 5
    error = capsys.readouterr().err
    assert "trials.jsonl:1: the line is damaged: it is not an event, but not even text (byte 0x80)" in error
    assert error.isascii()
