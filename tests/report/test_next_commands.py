"""Commands that a report offers: each exists, and is not refused."""

from __future__ import annotations

import shlex

import pytest

from tests.written_search import Search
from tune_asr.config.overrides import parse_assignments
from tune_asr.evaluate.__main__ import _parser as evaluate_parser
from tune_asr.record.snapshots import write_snapshots
from tune_asr.report.next_commands import COMMAND_INDENT, next_command_lines
from tune_asr.report.results import gather
from tune_asr.search.__main__ import _parser as search_parser
from tune_asr.search.resuming import ResumedSearch, ResumeFlags
from tune_asr.train.__main__ import _parser as train_parser

SPACE = {"param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}}, "search": {"num_samples": 2}}


@pytest.fixture(params=[{}, {"mode": "waves"}], ids=["stop", "waves"])
def finished(search: Search, request: pytest.FixtureRequest) -> Search:
    """A finished search of two trials over four epochs."""
    search.describe(space={**SPACE, "asha": {"max_t": 4, **request.param}})
    search.start()
    for wrong in (2, 3):
        trial = search.trial(**{"optimizer.lr": wrong / 1000})
        for _ in range(4):
            search.epoch(trial, [wrong] * 5)
        search.log("finished", trial=trial)
    search.log("search_ended", status="finished")
    config = {"trainer": {"max_epochs": 4}}
    write_snapshots(search.folder, search.state, status="finished", metric="val_wer", config=config)
    return search


def commands(search: Search) -> list[list[str]]:
    lines = [line for line in next_command_lines(gather(search.folder.root, 5)) if line.startswith(COMMAND_INDENT)]
    return [shlex.split(line) for line in lines]


def test_search_commands_are_accepted(finished):
    asked = []
    for _, _, door, *flags in commands(finished):
        if door == "tune_asr.search":
            arguments = search_parser().parse_args(flags)
            assert arguments.resume == finished.folder.root
            flags = ResumeFlags(num_samples=arguments.num_samples, max_epochs=arguments.max_epochs)
            asked.append(ResumedSearch(finished.folder, flags).asked)
    assert [(extent.trials, extent.horizon) for extent in asked] == [(4, None), (None, 8)]


def test_evaluate_command_is_accepted(finished):
    (flags,) = [flags for _, _, door, *flags in commands(finished) if door == "tune_asr.evaluate"]
    assert evaluate_parser().parse_args(flags).model == finished.folder.root


def test_train_commands_are_accepted(finished):
    seeds = []
    for _, _, door, *flags in commands(finished):
        if door == "tune_asr.train":
            arguments = train_parser().parse_args(flags)
            assert arguments.config.is_file()
            seeds += [override.value for override in parse_assignments(arguments.set)]
    assert len(set(seeds)) == 3


def test_unfinished_search_is_resumed_first(finished):
    finished.log("search_started", slots=1)
    found = [flags for _, _, door, *flags in commands(finished) if door == "tune_asr.search"]
    assert found == [["--resume", str(finished.folder.root)]]
    assert all("--set" not in command for command in commands(finished))


def test_seed_of_the_winner_is_left_out(search):
    search.describe(space=SPACE)
    search.start()
    search.log("created", trial="00000", params={}, seed=2)
    search.log("started", trial="00000")
    search.epoch("00000", [1])
    search.log("finished", trial="00000")
    search.log("search_ended", status="finished")
    write_snapshots(
        search.folder, search.state, status="finished", metric="val_wer", config={"trainer": {"max_epochs": 4}}
    )
    assert [command[-1] for command in commands(search) if "--set" in command] == ["seed=1", "seed=3", "seed=4"]
