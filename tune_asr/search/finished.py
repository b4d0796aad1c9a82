"""Resume of a complete search: its derived files are brought up to date.

A finished search is looked at first without a write, since its disk may be read-only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tune_asr.errors import StorageError
from tune_asr.record.derived import Outdated, outdated
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import Ledger, ends_finished
from tune_asr.record.search_events import SearchEnded
from tune_asr.record.snapshots import name_aside, remove_best, set_best_aside
from tune_asr.search.accepting import accepted
from tune_asr.search.conductor import remove_tune_state
from tune_asr.search.resuming import ResumedSearch, ResumeFlags
from tune_asr.search.search import Search
from tune_asr.storage.atomic import probe_unseen, probe_writable
from tune_asr.storage.errors import for_resume


def lines_if_up_to_date(folder: ResultsFolder, flags: ResumeFlags) -> list[str] | None:
    """Return lines on a search finished to its last file.

    None if it is not. Nothing is written.

    Raises:
        ConfigError: search.yaml was changed by hand.
        StorageError: files have to be made again, and cannot be.
    """
    if folder.is_running() or not ends_finished(folder.ledger):
        return None
    resumed = ResumedSearch(folder, flags)
    if resumed.is_left:
        return None
    lines = list(_accepted(resumed))
    if stale := _outdated(resumed):
        _require_writable(folder, stale)
        stale.require_replaceable()
        return None
    return lines


def bring_up_to_date(resumed: ResumedSearch) -> Iterator[str]:
    """Bring all files up to date; yield the changes.

    Raises:
        ConfigError: search.yaml was changed by hand.
        StorageError: a file cannot be written.
    """
    folder, state = resumed.folder, resumed.state
    yield from _accepted(resumed)
    stale, was_finished = _outdated(resumed), state.status == "finished"
    if was_finished and not stale:
        return
    if stale:
        stale.require_replaceable()
    lost = stale.copy_of if stale else None
    had_best, no_copy = folder.best_yaml.exists(), _no_copy(folder, stale) if stale else ""
    aside = set_best_aside(folder, lost) if lost else None
    if stale and not stale.best and not lost:
        remove_best(folder)
    Search(folder, resumed.plan, resumed.metric, {}).snapshot(state, "finished")
    if not was_finished:
        ledger = Ledger.open(folder.ledger)
        ledger.append(SearchEnded(status="finished"))
        ledger.close()
        yield "all trials had ended; the search is marked as finished now"
    remove_tune_state(folder)
    if stale and (was_finished or stale.lost):
        is_removed = had_best and not folder.best_yaml.exists()
        removed = f"; {folder.best_yaml.name} is removed" if is_removed else ""
        copy = f"; the last copy of trial {lost.trial} is {aside.name} now" if lost and aside else no_copy
        yield f"made again: {stale.names} ({stale.cause}){_best_now(stale)}{removed}{copy}"


def foreseen_changes(resumed: ResumedSearch) -> Iterator[str]:
    """Yield the changes by a resume of a complete search.

    Raises:
        ConfigError: the names of `--accept` are not those of all changes.
    """
    root, status, stale = resumed.folder.root, resumed.state.status, _outdated(resumed)
    if status != "finished":
        how = "was interrupted" if status == "interrupted" else "was killed"
        yield f"{root}: all trials have ended, but the search {how} before its end: a resume marks it as finished"
    elif stale:
        yield f"{root}: the search is finished, but a resume makes some files again"
    else:
        yield f"{root}: the search is finished, and a resume changes nothing"
    if stale and (status == "finished" or stale.lost):
        yield f"makes again: {stale.names} ({stale.cause}){_best_now(stale)}{_no_copy(resumed.folder, stale)}"
    by_version = resumed.edited(by_versions=True)
    yield from (f"changed: {each.key} {each}" for each in by_version.refused)
    yield from filter(None, [by_version.other_versions])
    if resumed.flags.accept:
        yield from _accepted(resumed)
    elif refused := resumed.edited().refused:
        flags = " ".join(f"--accept {each.key}" for each in refused)
        yield f"warning: the resume would be refused without {flags}"
    if stale or status != "finished":
        yield from foreseen_refusal(resumed.folder, stale)


def _accepted(resumed: ResumedSearch) -> Iterator[str]:
    """Yield the keys that `--accept` names, if they have changed."""
    if names := ", ".join(accepted(resumed.edited(), resumed.flags.accept)):
        yield f"accepted, and put on record once the search continues with more: {names}"


def _outdated(resumed: ResumedSearch) -> Outdated | None:
    return outdated(resumed.folder, resumed.state, resumed.metric)


def _best_now(stale: Outdated) -> str:
    """Return the end of a sentence about another best trial."""
    if not stale.lost:
        return ""
    return f"; the best is now trial {stale.best[0]}" if stale.best else "; no trial has an intact checkpoint"


def _no_copy(folder: ResultsFolder, stale: Outdated) -> str:
    """Return words on a checkpoint without a copy."""
    if not stale.lost or stale.copy_of or name_aside(folder, stale.lost[0]).exists():
        return ""
    return f"; no copy of trial {stale.lost[0].trial} at epoch {stale.lost[0].epoch} is left"


def foreseen_refusal(folder: ResultsFolder, stale: Outdated | None = None) -> Iterator[str]:
    """Yield a warning if a resume could not write."""
    try:
        probe_unseen(folder.root)
        if stale:
            stale.require_replaceable()
    except StorageError as error:
        yield f"warning: the resume would be refused: {for_resume(error)}"


def _require_writable(folder: ResultsFolder, stale: Outdated) -> None:
    """Name the files that a read-only folder lacks."""
    try:
        probe_writable(folder.root)
    except StorageError as error:
        what = f"{stale.names} must be made again ({stale.cause}), but "
        raise StorageError(replace(each, what=f"{what}{each.what}") for each in error.problems) from error
