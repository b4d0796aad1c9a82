"""Report of a search in waves: what rungs did, families, and the base configuration."""

from __future__ import annotations

import pytest
from wave_search import LAST, WaveSearch, falling

from tests.written_search import Search
from tune_asr.record.events import Report
from tune_asr.report import __main__ as report
from tune_asr.scoring.scores import Scores


def text_of(search: Search, capsys) -> str:
    """Return the report as one line."""
    assert report.main([str(search.folder.root)]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_rungs_stop_and_pause(waves, capsys):
    state, text = waves.state, text_of(waves, capsys)
    pruned = [trial for trial in state.trials.values() if trial.status == "pruned"]
    at_rung = [trial for trial in pruned if trial.epoch in (3, 6, 12)]
    between = [trial for trial in pruned if trial not in at_rung]
    assert at_rung and between, "the search shows both"
    without = state.epochs + sum(LAST - trial.epoch for trial in pruned)
    saved = round(100 * (1 - state.epochs / without))
    epochs = f"{state.epochs} epochs were trained instead of {without} ({saved} % saved)"
    assert f"Pruning stopped {len(pruned)} of 12 trials: {epochs}." in text
    assert f"epoch 3: {sum(trial.epoch == 3 for trial in pruned)} of 12 stopped" in text
    assert f"between rungs: {len(between)} stopped" in text


def test_waves_have_no_replay(waves, capsys):
    """Nobody saw what other trials would have done with their turns."""
    text = text_of(waves, capsys)
    assert "under other settings of asha" not in text
    assert "For the next search" not in text


@pytest.mark.parametrize("ended", [False, True])
def test_paused_trials_are_ranked(search, capsys, ended):
    WaveSearch(search).conduct(turns=3)
    if ended:
        search.log("search_ended", status="finished")
    text = text_of(search, capsys)
    assert text.count(" paused ") >= 12, "each has its row"
    assert "12 trials (12 paused)" in text
    assert ("instead of" in text, "of 288 at most" in text) == (ended, not ended)
    assert ("A trial that waits counts with the epochs it has" in text) == ended
    assert "epoch 3: 0 of 12 stopped, 9 wait" in text


def test_winner_against_the_base(waves, capsys):
    text = text_of(waves, capsys)
    assert "The winner beats the base configuration (trial 00000): its WER is " in text
    assert "% for the base, which is 11 of 12." in text


def test_base_behind_at_equal_epochs(search, capsys):
    WaveSearch(search).conduct(turns=3)
    text = text_of(search, capsys)
    assert "At epoch 3, the last that both reached, the winner had 94.0 % and the base 100.0 %." in text


def test_base_may_be_the_winner(search, capsys):
    WaveSearch(search, lambda number, epoch: falling(10, epoch) if number == 0 else 1.0).conduct()
    assert "The winner is the base configuration (trial 00000): no other setting beats it." in text_of(search, capsys)


def test_families_stand_side_by_side(waves, capsys):
    text = text_of(waves, capsys)
    assert "By model.target: the best WER % of each family, and the median of its trials at epoch 3" in text
    assert "conformer_ctc 4 41 00010 50.0 96.5 2 " in text
    assert "conv_ctc 8 81 00003 60.5 97.5 2 " in text
    assert "The best conformer_ctc (00010) beats the best conv_ctc (00003): its WER is " in text
    assert "At epoch 21, the last that both reached, the first had 56.0 % and the second 60.5 %." in text


def test_named_choice_that_branches_is_a_family(search, capsys):
    search.describe()
    search.start()
    for i, params in enumerate(
        [
            {"scheduler.name": "plateau", "scheduler.patience": 2},
            {"scheduler.name": "cosine"},
            {"scheduler.name": "one_cycle"},
        ]
    ):
        search.epoch(search.trial(**params, **{"model.activation": "relu"}), [i + 1] * 5)
    text = text_of(search, capsys)
    assert "By scheduler.name: the best WER % of each family:" in text
    assert "By model.activation" not in text


def test_switched_off_key_is_empty(waves, capsys):
    assert "null" not in text_of(waves, capsys)


def test_unlearnt_rung_is_a_warning(search, capsys):
    """By one word in 200, seven trials are better than the others, which stop."""

    def curve(number: int, epoch: int) -> float:
        early = 0.995 if number >= 5 else 1.0
        return early if epoch < 4 else falling(number, epoch)

    WaveSearch(search, curve).conduct()
    text = text_of(search, capsys)
    assert "Warning: at epoch 3 all 12 had a WER of 99 % or more. They had learnt nothing yet" in text
    assert "Raise asha.grace_period." in text
    assert "% saved" not in text


def test_unlearnt_rung_that_stops_nothing(search, capsys):
    WaveSearch(search, lambda number, epoch: 1.0 if epoch < 4 else falling(number, epoch)).conduct()
    text = text_of(search, capsys)
    assert "Warning: at epoch 3 all 12 had a WER of 99 % or more. No trial was stopped there." in text
    assert "% saved" in text


def test_learnt_rung_has_no_warning(waves, capsys):
    assert "99 % or more" not in text_of(waves, capsys)


def test_equal_epochs_of_stopped_trials(waves, capsys):
    assert report.main([str(waves.folder.root)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    head = next(i for i, line in enumerate(lines) if line[:3] == ["trial", "epoch", "3"])
    assert lines[head + 1] == ["00010", "94.0", "87.5", "75.0", "50.0"]
    assert lines[head + 3] == ["00008", "95.0", "90.0", "80.0", "-"]
    assert lines[head + 11] == ["came", "12", "6", "4", "2"]


def test_unlearnt_trials_have_no_table_of_equal_epochs(search, capsys):
    WaveSearch(search, lambda number, epoch: 1.0).conduct()
    text = text_of(search, capsys)
    assert "The best WER is near 100 %" in text
    assert "Train longer (--max-epochs E)" in text
    assert "at equal epochs" not in text


def test_decisions_are_judged_again(waves, capsys):
    assert " decisions are the same." in text_of(waves, capsys)


def test_one_decision_is_in_the_singular(search, capsys):
    WaveSearch(search, trials=1).conduct(turns=0)
    assert "Judged again from the ledger, the only decision is the same." in text_of(search, capsys)


def test_changed_decision_is_a_warning(search, capsys):
    WaveSearch(search).conduct(turns=3)
    lines = search.folder.ledger.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if '"decision"' in line)
    changed = lines[first].replace('"better": 0', '"better": 1')
    search.folder.ledger.write_text("\n".join([*lines[:first], changed]) + "\n")
    text = text_of(search, capsys)
    assert "Warning: judged again from the ledger, 1 of 1 decisions are not the same" in text
    assert "that on trial 00000 at epoch 3" in text


def test_finalists_and_limits_leave_decisions_alone(search, capsys):
    """Neither a trial beyond a limit nor a finalist takes the room of another."""
    waves = WaveSearch(search)
    waves.conduct()
    number = f"{len(search.state.trials):05d}"
    search.log("created", trial=number, params={}, seed=1, finalist_of="00010")
    search.log("started", trial=number)
    for _ in range(LAST):
        search.epoch(number, [1, 2] * 10)
    search.log("finished", trial=number)
    large = search.trial(**{"model.target": "conv_ctc"})
    search.epoch(large, [9] * 20)
    search.log("decision", trial=large, rung=-1, epoch=1, value=9e6, cutoff=2e6, verdict="stop", limit="num_parameters")
    search.log("pruned", trial=large, epoch=1, cause="limit")
    text = text_of(search, capsys)
    assert "decisions are the same." in text
    assert "1 trial of 14 ended after the first epoch, beyond a limit of num_parameters." in text
    assert text.count("eyond a limit") == 1
    assert "Pruning stopped 10 of 13 trials" in text


def test_leaderboard_shows_time_and_size(search, capsys):
    search.describe()
    search.start()
    for size in (1_250_000, 87_400):
        trial = search.trial(**{"optimizer.lr": 0.1})
        scores = Scores(val_wer=0.5, val_cer=0.2, val_loss=1.0, objective=0.5)
        search.append(Report(trial=trial, epoch=1, scores=scores, seconds=75.4, last=False, num_parameters=size))
    text = text_of(search, capsys)
    assert "loss time params lr" in text
    assert "1.000 1:15 1.25M" in text and "1.000 1:15 87.4k" in text


def test_longer_trainings_stand_apart(search, capsys):
    """Another horizon is another schedule: neither the winner's epochs nor its decisions compare with it."""
    waves = WaveSearch(search)
    waves.conduct()
    before = text_of(search, capsys)
    search.log("search_started", slots=1)
    search.log("plan", trials=2, horizon=48, slots=1, cause="max_epochs")
    search.log("wave", wave=2, trials=2)
    for number, of, base in (("00012", "00010", {}), ("00013", "00000", {"base": True})):
        params = search.state.trials[of].params
        search.log("created", trial=number, params=params, seed=1, continues_setting_of=of, **base)
        search.log("started", trial=number)
        for epoch in range(48):
            search.epoch(number, [6 if base else 9 - epoch // 6] * 20)
        search.log("finished", trial=number)
    search.log("search_ended", status="finished")
    text = text_of(search, capsys)
    assert "00012 finished 48 of 48 00010 50.0 20.0" in text
    assert "The winner beats the base configuration (trial 00013)" in text
    assert "Their schedules have other horizons" in text
    assert "decisions before the longer trainings are the same." in text
    savings = slice(before.index("Pruning stopped"), before.index("Judged again"))
    assert before[savings] in text
    assert "Seeds of one setting" not in text
