"""Ranking: lowest WER over kept epochs, ties as documented."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from tests.ledgers import event
from tune_asr.record.ranking import best_epoch, is_gone, keys_of, leader, order, searched_keys, standings
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial

maybe = st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5])
reports = st.lists(st.tuples(maybe, maybe, maybe), max_size=5).map(
    lambda rows: [
        event("report", epoch=epoch, val_wer=wer, val_cer=cer, val_loss=loss)
        for epoch, (wer, cer, loss) in enumerate(rows, start=1)
    ]
)


def trial(number: int, *rows: tuple[float | None, float | None, float | None], status: str = "finished") -> Trial:
    listed = [event("report", epoch=e, val_wer=w, val_cer=c, val_loss=v) for e, (w, c, v) in enumerate(rows, start=1)]
    return Trial(f"{number:05d}", {}, 1, status, reports=listed)


def state(*trials: Trial) -> SearchState:
    return SearchState({t.number: t for t in trials})


def rank(*arguments, **options) -> list[Trial]:
    return [trial for trial, _ in standings(*arguments, **options)]


@given(reports, st.sampled_from(["val_wer", "val_cer"]))
def test_best_epoch_is_minimum_of_usable_ones(rows, metric):
    best = best_epoch(Trial("00000", {}, 1, reports=rows), None, metric)
    usable = [row for row in rows if row.scores.get(metric) is not None]
    assert (best is None) == (not usable)
    if best:
        assert best.scores.get(metric) == min(row.scores.get(metric) for row in usable)
        assert all(order(best, metric) <= order(row, metric) for row in usable)


def test_ties_go_by_cer_loss_epoch():
    assert best_epoch(trial(0, (0.5, 0.3, 1), (0.5, 0.2, 9))).epoch == 2
    assert best_epoch(trial(0, (0.5, 0.2, 2), (0.5, 0.2, 1))).epoch == 2
    assert best_epoch(trial(0, (0.5, 0.2, 1), (0.5, 0.2, 1))).epoch == 1
    assert best_epoch(trial(0, (0.5, 0.2, None), (0.5, 0.2, 1))).epoch == 2


def test_only_kept_epochs_count():
    rows = trial(0, (0.1, 0, 0), (0.3, 0, 0), (0.2, 0, 0))
    assert best_epoch(rows, {2, 3}).epoch == 3
    assert best_epoch(rows, set()) is None
    best = trial(1, (0.25, 0, 0))
    assert rank(state(rows, best), kept={"00000": {2}, "00001": {1}}) == [best, rows]
    assert rank(state(rows, best), kept={"00000": {2}}) == [best, rows]  # by its results


def test_trial_without_checkpoints_never_leads():
    rows, best = trial(0, (0.3, 0, 0)), trial(1, (0.25, 0, 0))
    ranked = standings(state(rows, best), kept={"00000": {1}})
    assert [is_gone(report) for _, report in ranked] == [True, False]
    assert leader(ranked) == (rows, ranked[1][1])
    assert leader(standings(state(rows, best), kept={})) is None


def test_trials_rank_by_wer_cer_loss_number():
    """Trials without a report come last."""
    ordered = [
        trial(7, (0.1, 0.5, 0.5)),
        trial(6, (0.2, 0.1, 0.5)),
        trial(5, (0.2, 0.2, 0.1)),
        trial(3, (0.9, 0.9, 0.9), (0.2, 0.2, 0.2)),  # later in its own training, and that is no matter
        trial(4, (0.2, 0.2, 0.2)),
        trial(8, (0.2, 0.2, None)),
        trial(0),
        trial(2),
        trial(1, (None, None, None), status="diverged"),
    ]
    by_number = sorted(ordered, key=lambda t: t.number)
    assert rank(state(*by_number)) == ordered
    assert leader(standings(state(*by_number))) == (ordered[0], ordered[0].reports[0])


def test_cer_ranks_where_words_mean_nothing():
    first, second = trial(0, (0.1, 0.9, 0)), trial(1, (0.9, 0.1, 0))
    assert rank(state(first, second), "val_wer") == [first, second]
    assert rank(state(first, second), "val_cer") == [second, first]


def test_standings_ignore_order_of_trials():
    trials = [trial(n, (0.5, 0.5, n % 2)) for n in range(4)]
    assert len({tuple(t.number for t in rank(state(*order))) for order in permutations(trials)}) == 1


def test_diverged_trials_rank_after_others():
    diverged = trial(0, (0.1, 0.1, 1), (None, None, None), status="diverged")
    steady, failed = trial(1, (0.2, 0.1, 1)), trial(2, (0.15, 0.1, 1), status="failed")
    assert rank(state(diverged, steady, failed, trial(3)))[:3] == [failed, steady, diverged]


def test_no_result_means_no_leader():
    assert leader(standings(SearchState())) is None
    assert leader(standings(state(trial(0)))) is None


def test_searched_keys_keep_space_order():
    trials = [Trial("00000", {"b": 1, "a": 2}, 1), Trial("00001", {"b": 1, "c": 2}, 1)]
    assert searched_keys(state(*trials)) == ["b", "a", "c"]


def test_keys_of_branches_keep_space_order():
    """A key that only some trials have stands where its own trials have it."""
    trials = [Trial("00000", dict.fromkeys("abf"), 1), Trial("00001", dict.fromkeys("acdf"), 1)]
    trials.append(Trial("00002", dict.fromkeys("abef"), 1))
    keys = keys_of(trials)
    assert all([key for key in keys if key in trial.params] == list(trial.params) for trial in trials)
