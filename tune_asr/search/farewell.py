"""Last lines of a search: winner, checkpoint and next commands."""

from __future__ import annotations

import shlex

from tune_asr.record.conclusion import finalist_lines, stop_line
from tune_asr.record.intact import former_best, intact_standings
from tune_asr.record.ranking import leader, too_early
from tune_asr.record.state import SearchState
from tune_asr.search.search import Search
from tune_asr.wording import percent


def print_farewell(search: Search, state: SearchState) -> None:
    """Print the winner and the next commands."""
    folder, metric = search.folder, search.metric
    root = shlex.quote(str(folder.root))
    best = leader(intact_standings(folder, state, metric, former_best(folder))[0])
    if best is None:
        why = "no trial within search.limits has a result" if state.epochs else "no trial reported an epoch"
        print(f"{why}; see {folder.ledger}")
        print(f"next: python -m tune_asr.report {root}")
        return
    trial, report = best
    if stopped := stop_line(state, metric):
        print(f"\n{stopped}")
    settings = ", ".join(f"{key}={value}" for key, value in trial.params.items())
    wer = "" if metric == "val_cer" else f"WER {percent(report.scores.val_wer)} %, "
    print(f"\nbest: trial {trial.number}, epoch {report.epoch}, {wer}CER {percent(report.scores.val_cer)} %")
    of_base = " (the base configuration)" if trial.is_base else ""
    print(f"settings: {settings + of_base if settings else 'those of the base configuration'}")
    print(f"checkpoint: {folder.best_ckpt}")
    for line in finalist_lines(folder, state, metric):
        print(line)
    if warning := too_early(report.scores.value(metric), metric):
        print(f"warning: {warning}")
    print(f"next: python -m tune_asr.report {root}")
    print(f"      python -m tune_asr.train --config {shlex.quote(str(folder.best_yaml))}")
    if not search.plan.has_custom_model(trial.params):
        print(f"      python -m tune_asr.export {root}")
