"""One search, from its files to its exit code.

A new search and a resumed one take the same way: the ledger is replayed (an empty one gives nothing), and the
conductor continues from there.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tune_asr.corpus.beside import check_beside
from tune_asr.corpus.outside import require_files_outside, require_recordings_outside
from tune_asr.errors import ConfigError, DataError, end_at_once_on_signals
from tune_asr.record import new_folder
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.search_yaml import SearchYaml, write_search_yaml
from tune_asr.record.skipped_rows import write_skipped_rows
from tune_asr.record.state import SearchState
from tune_asr.search.accepting import accepted
from tune_asr.search.budget import Budget, Command
from tune_asr.search.cards.mistakes import require_gpus
from tune_asr.search.data import checked_survey, data_files, data_report, fingerprints
from tune_asr.search.description import describe, no_pruning, remarks, with_score
from tune_asr.search.extent import extent_after
from tune_asr.search.farewell import print_farewell
from tune_asr.search.finished import bring_up_to_date, lines_if_up_to_date
from tune_asr.search.interrupts import Interrupts, for_the_main_thread
from tune_asr.search.more_time import unused_lines
from tune_asr.search.placing import place
from tune_asr.search.ray import cluster, nodes
from tune_asr.search.ray.cpus import LocalRay
from tune_asr.search.ray.token import require_mode
from tune_asr.search.resuming import ResumedSearch, ResumeFlags, named
from tune_asr.search.search import Search
from tune_asr.search.sizes import require_size
from tune_asr.search.timed import timed
from tune_asr.search.warm_start import warm_start
from tune_asr.space.horizon import plan_with
from tune_asr.space.plan import Plan
from tune_asr.speech.survey.survey import Survey
from tune_asr.storage.errors import disk_errors
from tune_asr.storage.job_copy import require_outside
from tune_asr.wording import count

if TYPE_CHECKING:
    from tune_asr.search.ray.session import Session


def start(plan: Plan, root: Path, address: str | None, command: Command) -> int:
    """Start a search in a folder; return the exit code.

    Args:
        plan: search space and base configuration.
        root: results folder.
        address: address of a Ray cluster, None for a local Ray.
        command: time of the command, and its time budget.

    Raises:
        ConfigError: this machine lacks the GPUs that a local search asks for.
        DataError: the data cannot be trained on.
        StorageError: the folder is taken, or cannot be written.
        ClusterError: Ray cannot be reached.
    """
    require_outside([("--results", root)], hint="Give a folder on storage that every node mounts (--results).")
    require_files_outside(plan.config)
    require_mode()
    new_folder.require_new(root)  # before the data are read, which may take minutes
    new_folder.require_writable(root)
    require_gpus(plan, address)
    check_beside(plan.config)
    found = checked_survey(plan)
    if found:
        require_recordings_outside(found)
        print(data_report(plan, found), flush=True)
    plan = with_score(plan, found)
    require_size(plan, found)
    warm = warm_start(plan, found.corpus.fingerprint if found else None)
    print(*warm.lines, sep="\n", end="\n" * bool(warm.lines), flush=True)
    with ExitStack() as stack:
        stack.enter_context(for_the_main_thread())  # until `_run` takes signals, and can remove the folder
        folder = new_folder.create(root)
        stack.enter_context(folder.lock())
        stack.callback(_abandon, folder)
        folder.tidy()
        description = describe(plan, root.name, found)
        search = Search(folder, plan, description["metric"], fingerprints(plan, found), warm.events)
        return _run(search, SearchState(), found, address, command, description)


def resume(root: Path, address: str | None, flags: ResumeFlags, command: Command) -> int:
    """Resume a search from its files; return the exit code.

    Args:
        root: results folder.
        address: address of a Ray cluster, None for a local Ray.
        flags: `--num-samples`, `--max-epochs`, `--set` and `--accept`.
        command: time of the command, and its time budget.

    Raises:
        ConfigError: the search cannot go on as the flags ask, something has changed since it began, or the folder lies
            in Ray's copy of the working directory.
        DataError: the data cannot be trained on.
        StorageError: the folder holds no search, is locked or damaged.
        ClusterError: Ray cannot be reached.
    """
    require_outside([("--resume", root)], hint="Give the folder on storage that every node mounts.")
    folder = ResultsFolder.open_existing(named(root))
    finished = f"{root}: the search is finished; `python -m tune_asr.report {shlex.quote(str(root))}` shows it"
    with disk_errors(root):
        if command.budget is None and (lines := lines_if_up_to_date(folder, flags)) is not None:
            print(*lines, finished, sep="\n")
            return 0
    with folder.lock(), disk_errors(root):
        folder.tidy()
        resumed = ResumedSearch(folder, flags)
        plan, state, metric = resumed.plan, resumed.state, resumed.metric
        if not resumed.is_left and command.budget is None:
            print(*bring_up_to_date(resumed), finished, sep="\n")
            return 0
        require_mode()
        require_gpus(plan, address)
        if resumed.creates:
            check_beside(plan.config)
        found = checked_survey(plan)
        comparison = resumed.compared(found)
        taken = {**comparison.adopted, **accepted(comparison, flags.accept)}
        asked = replace(resumed.asked, given=resumed.given, accepted=taken)
        if address is None and state.address not in (None, "local"):
            print(f"the search ran on a cluster, {state.address}; without --address it continues in a local Ray")
        if line := comparison.other_versions:
            print(line)
        is_new = state.planned is None and not state.trials
        warm = warm_start(plan, resumed.description["data_fingerprint"]).events if is_new else ()
        search = Search(folder, plan, metric, fingerprints(plan, found), warm, asked)
        return _run(search, state, found, address, replace(command, fixes_horizon=True))


def _run(
    search: Search,
    state: SearchState,
    found: Survey | None,
    address: str | None,
    command: Command,
    description: SearchYaml | None = None,
) -> int:
    """Run a search in Ray; return the exit code.

    Args:
        search: search, new or resumed.
        state: trials so far; the folder is locked since they were read.
        found: survey of the data, None for a custom data module.
        address: address of a Ray cluster, None for a local Ray.
        command: time of the command, and its time budget.
        description: content of search.yaml if the search is new.
    """
    folder, plan = search.folder, search.plan
    abandon = partial(_abandon, folder)
    print("starting Ray" if address is None else f"joining Ray at {address}", flush=True)
    with ExitStack() as stack:
        stack.enter_context(disk_errors(folder.root))
        if description:
            stack.enter_context(_withdrawn_without_result(folder))
        stack.callback(abandon)
        stack.callback(end_at_once_on_signals, "interrupted")  # the handlers of before would speak of the start
        interrupts = stack.enter_context(Interrupts(cluster.leave_nothing))
        interrupts.exit_if_any()
        local = LocalRay() if address else LocalRay.of(plan.space)
        dashboard = stack.enter_context(cluster.ray_session(folder.root.name, address, abandon, interrupts, local))
        interrupts.exit_if_any()
        from tune_asr.search.ray.session import Session

        if address:
            nodes.check_nodes(folder.ledger.resolve(), data_files(plan.config, found))
        placement = place(plan, address, interrupts.exit_if_any)
        slots = placement.slots
        prepared = timed(search, state, placement, command, interrupts.exit_if_any)
        search = prepared.search
        if description:
            config, space = search.plan.base_values(), search.plan.values()
            write_search_yaml(folder.search_yaml, {**description, "config": config, "space": space, "slots": slots})
        if found and found.bad_rows:
            path = write_skipped_rows(folder.root, found.bad_rows)
            print(f"skipped {len(found.bad_rows):,} bad rows, listed in {path}", flush=True)
        session = Session(
            search,
            state,
            placement=placement,
            interrupts=interrupts,
            address=address,
            dashboard=dashboard,
            budget=prepared.budget,
            audio_seconds=sum(utterance.seconds for utterance in found.corpus.train) if found else None,
        )
        first = _first_lines(search, state, slots, prepared.budget)
        for line in (*first, *placement.lines(), *prepared.lines):
            session.progress.say(line)
        return _conduct(session, search, state, command)


def _conduct(session: Session, search: Search, state: SearchState, command: Command) -> int:
    """Run a session, and print how it ended."""
    epochs, started = state.epochs, session.budget.clock() - session.budget.earlier
    code = session.run()
    if code == 0 and state.epochs == epochs:
        for line in unused_lines(search, state, command, session.budget, started):
            print(line, flush=True)
    if code < 128:
        print_farewell(search, state)  # before Ray is shut down, which a lost one may never be
    return code


def _abandon(folder: ResultsFolder) -> None:
    """Remove the folder of a search that never began.

    It would only be in the way of the next try.
    """
    if not folder.search_yaml.exists():
        new_folder.discard(folder)


def _first_lines(search: Search, state: SearchState, slots: int, budget: Budget) -> Iterator[str]:
    plan, planned = search.plan, budget.planned
    trials, horizon = extent_after(plan, state, search.metric, search.asked)
    if planned:
        trials, horizon = planned.trials, planned.horizon
    most = f"{count(trials, 'trial')}, {slots} at a time, {count(horizon, 'epoch')} at most"
    yield f"search {search.folder.root}: {most}"
    of_now = plan_with(plan, horizon)
    yield from filter(None, [no_pruning(of_now)]) if state.trials else remarks(of_now)
    if search.metric == "val_cer":
        yield "CER takes the place of WER"


@contextmanager
def _withdrawn_without_result(folder: ResultsFolder) -> Iterator[None]:
    """Remove the folder if a mistake prevents the first epoch."""
    try:
        yield
    except (ConfigError, DataError):
        if folder.search_yaml.exists() and not SearchState.read(folder.ledger).epochs:
            new_folder.remove(folder)
        raise
