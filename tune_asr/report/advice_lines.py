"""Sentences about controls, and advice on `asha` for the next search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tune_asr.record.ranking import Standing
from tune_asr.record.state import SearchState
from tune_asr.report.advice import Advice, controls
from tune_asr.report.replay import Fate, Replay
from tune_asr.scoring.metric import Metric
from tune_asr.wording import count, percent

_ROW = "  {:<9}  {:>5}  {:>6}  {:>12}  {:>12}  {:<7}  {:>4} {:>4} {:>3}"
_FATES: tuple[Fate, ...] = ("kept", "lost", "unknown")


def control_lines(state: SearchState, ranked: Sequence[Standing], metric: Metric) -> Iterator[str]:
    """Yield a line with the rank of each control."""
    place = {trial.number: (rank, report) for rank, (trial, report) in enumerate(ranked, start=1)}
    found = list(controls(state))
    if not found:
        return
    name = "CER" if metric == "val_cer" else "WER"
    yield f"Controls: {count(len(found), 'trial')} that pruning would have stopped, trained to the end:"
    for trial, decision in found:
        rank, report = place[trial.number]
        then = percent(trial.reports[decision.epoch - 1].scores.get(metric))
        came = f"{name} {then} % there, {percent(report.scores.get(metric))} % at its best" if report else "no result"
        yield f"  {trial.number}  stopped at epoch {decision.epoch}, {came}: rank {rank} of {len(ranked)}"
    if any(place[trial.number][0] == 1 for trial, _ in found):
        yield "The best trial is a control: pruning would have lost it."


def replay_lines(advice: Advice) -> Iterator[str]:
    """Yield a row for each setting, and the recommended section."""
    yield (
        "This search under other settings of asha: its trials judged again in the order of their reports, and whether "
        f"each setting keeps the first {len(advice.leaders)} of the leaderboard:"
    )
    yield _ROW.format("metric", "grace", "factor", "epochs", "saved", "winner", "kept", "lost", "?")
    replays = (advice.own, *advice.others)
    for replay in replays:
        yield _row(replay, advice)
    if any(low < high for low, high in (replay.epochs for replay in replays)):
        yield (
            "A range or ? means: trials ended earlier in this search than under the setting, and their later results "
            "are not known."
        )
    yield f"For the next search. {advice.why}"
    yield f"    {advice.stanza}"
    if advice.adds_controls:
        yield (
            "Its controls are trained to the end though pruning would stop them. The next replay can then show what "
            "pruning loses."
        )


def _row(replay: Replay, advice: Advice) -> str:
    setting, (low, high), own = replay.setting, replay.epochs, advice.own.epochs[1]
    fates = advice.fates(replay)
    saved = "this search" if replay is advice.own else _range(own - high, own - low)
    cells = (setting.metric, setting.grace_period, setting.reduction_factor, _range(low, high), saved)
    return _ROW.format(*cells, fates[0], *(fates.count(fate) or "-" for fate in _FATES))


def _range(low: int, high: int) -> str:
    return _short(low) if low == high else f"{_short(low)} to {_short(high)}"


def _short(number: int) -> str:
    return str(number) if abs(number) < 10_000 else f"{number / 1000:.0f}k"
