"""Advice on `asha` for the next search, from replays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tune_asr.record.events import Decision
from tune_asr.record.ranking import Standing, rung_metric
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.report.pruning import horizon_of
from tune_asr.report.replay import Fate, History, Replay, Setting
from tune_asr.scoring.metric import Metric
from tune_asr.space.plan import Plan

LEADERS = 3
"""First trials that a recommended setting must keep for certain."""
_WORTH = 0.05
"""Share of the epochs that another setting must save to be worth the change."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Replays of other settings, and the setting to use next."""

    own: Replay
    """Replay of the search's own setting, without its controls."""
    others: tuple[Replay, ...]
    """Replays to show: those with one key changed, and the recommended one."""
    best: Setting
    why: str
    stanza: str
    """Section `asha:` for the next search space."""
    adds_controls: bool
    """Whether the stanza has more controls than this search."""
    leaders: tuple[tuple[str, int], ...]
    """First trials of the leaderboard with their best epochs, the winner first."""

    def fates(self, replay: Replay) -> list[Fate]:
        """Return the fate of each leader under a replay."""
        return [replay.fate(trial, epoch) for trial, epoch in self.leaders]


def controls(state: SearchState) -> Iterator[tuple[Trial, Decision]]:
    """Yield the controls with the decisions that spared them."""
    for trial in state.drawn:
        for decision in trial.decisions:
            if decision.control:
                yield trial, decision


def advise(plan: Plan | None, state: SearchState, metric: Metric, ranked: list[Standing]) -> Advice | None:
    """Replay the search under other settings of `asha`.

    Args:
        plan: space of the search, None if it is not known.
        state: trials of the search.
        metric: metric that chooses the winner.
        ranked: standings, best first.

    Returns:
        None if search.yaml has no `asha`, the search ran in waves, or fewer than two trials have a result. A ledger of
        waves shows nothing of the trials that would have had their turn in another setting.
    """
    # A search.yaml without the section is given `mode` and `metric` of release 0.1.0, and nothing else.
    asha = plan.space.asha if plan and plan.space.asha.model_fields_set - {"mode", "metric"} else None
    leaders = tuple((trial.number, report.epoch) for trial, report in ranked if report)[:LEADERS]
    if asha is None or asha.mode != "stop" or len(leaders) < 2:
        return None
    max_t = horizon_of(plan, state)
    setting = Setting(rung_metric(asha.metric, metric), asha.grace_period, asha.reduction_factor)
    history = History(state, max_t)
    replays = {other: history.replay(other) for other in _neighbours(setting, metric, max_t)}
    own = replays[setting]
    best, why = _best(replays, own, leaders)
    # If nothing is pruned, controls are trials like others.
    controls = asha.controls if best.grace_period >= max_t else max(2, asha.controls)
    shown = [other for other in replays if other != setting and (_changes(other, setting) == 1 or other == best)]
    return Advice(
        own=own,
        others=tuple(replays[other] for other in shown),
        best=best,
        why=why,
        stanza=(
            f"asha: {{mode: stop, metric: {best.metric}, grace_period: {best.grace_period}, "
            f"reduction_factor: {best.reduction_factor}, max_t: {max_t}, controls: {controls}}}"
        ),
        adds_controls=controls > asha.controls,
        leaders=leaders,
    )


def _neighbours(own: Setting, metric: Metric, max_t: int) -> list[Setting]:
    """Return the search's own setting and its neighbours."""
    metrics = dict.fromkeys([own.metric, *(rung_metric(name, metric) for name in ("objective", "val_wer", "val_cer"))])
    graces = dict.fromkeys([own.grace_period, max(1, own.grace_period // 2), 2 * own.grace_period])
    factors = dict.fromkeys([own.reduction_factor, 2, 3, 4])
    return [
        Setting(name, grace, factor)
        for name in metrics
        for grace in graces
        for factor in factors
        if grace < max_t or grace == own.grace_period
    ]


def _changes(other: Setting, own: Setting) -> int:
    pairs = (
        (other.metric, own.metric),
        (other.grace_period, own.grace_period),
        (other.reduction_factor, own.reduction_factor),
    )
    return sum(a != b for a, b in pairs)


def _best(replays: Mapping[Setting, Replay], own: Replay, leaders: tuple[tuple[str, int], ...]) -> tuple[Setting, str]:
    """Return the cheapest setting that keeps all leaders, with reasons."""
    safe = [replay for replay in replays.values() if all(replay.fate(*leader) == "kept" for leader in leaders)]
    if not safe:
        gentlest = max(replays, key=lambda s: (s.metric == own.setting.metric, s.grace_period, -s.reduction_factor))
        return gentlest, f"No setting keeps the first {len(leaders)} for certain. The gentlest of them:"
    cheapest = min(safe, key=lambda replay: (replay.epochs[1], _changes(replay.setting, own.setting)))
    saves = own.epochs[1] - cheapest.epochs[1]
    if own in safe and saves < _WORTH * own.epochs[1]:
        return own.setting, f"No other setting keeps the first {len(leaders)} with clearly fewer epochs. Stay with:"
    gain = f"{saves} epochs fewer" if saves > 0 else "the fewest epochs"
    return cheapest.setting, f"Keeps the first {len(leaders)} with {gain}, as far as one search can tell:"
