"""One search, from its files to its exit code.

A search that is new and one that is resumed take the same way: the ledger is replayed (an empty one gives nothing), and
the conductor goes on from there.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tune_asr.config.data_sections import ManifestData
from tune_asr.config.keys import facts
from tune_asr.config.load import from_values
from tune_asr.config.overrides import overridden
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.corpus.beside import check_beside, files_beside
from tune_asr.corpus.sources import survey
from tune_asr.errors import ConfigError, DataError
from tune_asr.record.events import SearchEnded
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.intact import former_best, sound_standings
from tune_asr.record.ledger import Ledger
from tune_asr.record.ranking import leader, too_early
from tune_asr.record.search_yaml import read_search_yaml, write_search_yaml
from tune_asr.record.skipped_rows import write_skipped_rows
from tune_asr.record.snapshots import write_snapshots
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.search.conductor import remove_tune_state
from tune_asr.search.description import changed_versions, describe, noise_of
from tune_asr.search.interrupts import Interrupts
from tune_asr.search.ray import cluster, nodes
from tune_asr.space import plan as plans
from tune_asr.space.plan import Plan
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.manifest.directories import listing_files
from tune_asr.speech.survey.survey import Survey, too_many_infeasible
from tune_asr.wording import count, percent

SUBSAMPLING = "model.subsampling"
RECORDINGS_LOOKED_AT = 32


def start(plan: Plan, root: Path, address: str | None) -> int:
    """Start a new search in the folder `root`; returns the exit code.

    Raises:
        DataError: the data cannot be trained on.
        StorageError: the folder is taken, or cannot be written.
        ClusterError: no Ray.
    """
    ResultsFolder(root).require_new()  # before the data are read, which may take minutes
    check_beside(plan.config)
    found = checked_survey(plan)
    if found:
        print(data_report(plan, found), flush=True)
    folder = ResultsFolder.create(root)
    with folder.lock():
        return _run(folder, plan, describe(plan, root.name, found), found, address)


def resume(root: Path, address: str | None) -> int:
    """Go on with the search in the folder `root`, from its own files alone; returns the exit code.

    Raises:
        DataError: the data are no longer those that the search began with.
        StorageError: the folder holds no search, is locked or damaged.
        ClusterError: no Ray.
    """
    # The search is called as its folder is, which `.` does not say.
    folder = ResultsFolder.open_existing(root if root.name not in ("", "..") else root.resolve())
    with folder.lock():
        description = read_search_yaml(folder.search_yaml)
        plan = plans.from_values(description["space"], description["config"], str(folder.search_yaml))
        state = SearchState.read(folder.ledger)
        if len(state.trials) >= plan.num_trials and not state.open_trials():
            _complete(folder, plan, description, state)
            print(f"{root}: the search is finished; `python -m tune_asr.report {shlex.quote(str(root))}` shows it")
            return 0
        if len(state.trials) < plan.num_trials:
            check_beside(plan.config)
        found = checked_survey(plan)
        if found and found.corpus.fingerprint != description["data_fingerprint"]:
            raise DataError(
                f"{folder.search_yaml}: the data have changed since the search began, and its results would be "
                "measured by two rulers: restore the data, or start a new search"
            )
        if noise_of(plan) != description.get("noise_fingerprint"):
            raise DataError(
                f"{folder.search_yaml}: the recordings in augment.noise_dir have changed since the search began, and "
                "its trials would be trained on two kinds of noise: restore them, or start a new search"
            )
        if address is None and state.address not in (None, "local"):
            print(f"the search ran on the Ray cluster at {state.address}; without --address it goes on in a local Ray")
        if changes := changed_versions(description["versions"]):
            print(f"the search began with other versions ({changes}): results may differ in their last digits")
        return _run(folder, plan, description, found, address)


def no_pruning(plan: Plan) -> str:
    """What to say of a search that trains all its trials to the end; empty where ASHA looks at them before."""
    grace = plan.space.asha.grace_period
    if grace < plan.last_epoch:
        return ""
    return f"no pruning: a trial ends after {count(plan.last_epoch, 'epoch')}, and asha.grace_period is {grace}"


def data_report(plan: Plan, found: Survey) -> str:
    """The data report, and which values that the search may draw do not suit the data."""
    return "\n".join([found.render(), *_infeasible_draws(plan, found)])


def _infeasible_draws(plan: Plan, found: Survey) -> Iterator[str]:
    """Which searched values of the subsampling leave too few frames: their trials will fail."""
    searched = plan.distributions.get(SUBSAMPLING)
    train = found.corpus.train
    for value in sorted(set(searched.probes)) if searched else ():
        infeasible = len(replace(found, subsampling=value).infeasible(train))
        if too_many_infeasible(infeasible, len(train)):
            share = f"{infeasible:,} of {len(train):,} training transcripts are too long for their frames"
            yield f"trials with {SUBSAMPLING} {value} will fail: {share}"


def checked_survey(plan: Plan) -> Survey | None:
    """Look at the data before anything starts; None where they come from a class of the user's.

    A searched subsampling is taken at its finest: of a coarser one, whose frames are too few, the trial fails.

    Raises:
        DataError: with everything that is wrong.
    """
    searched = plan.distributions.get(SUBSAMPLING)
    finest = {SUBSAMPLING: min(searched.probes)} if searched else {}
    found = survey(from_values(overridden(plan.config.model_dump(), finest), "the base configuration"))
    if found:
        found.check()
    return found


def _run(
    folder: ResultsFolder, plan: Plan, description: Mapping[str, Any], found: Survey | None, address: str | None
) -> int:
    is_new = not folder.search_yaml.exists()

    def abandon() -> None:
        # A folder of a search that never began would only be in the way of the next try.
        if not folder.search_yaml.exists():
            folder.discard()

    print("starting Ray" if address is None else f"joining Ray at {address}", flush=True)
    with ExitStack() as stack:
        stack.enter_context(_withdrawn_without_result(folder, is_new))
        stack.callback(abandon)
        interrupts = stack.enter_context(Interrupts(cluster.leave_nothing))
        dashboard = stack.enter_context(cluster.ray_session(folder.root.name, address, abandon))
        interrupts.install()
        from tune_asr.search.ray.session import Session

        resources = plan.space.resources
        slots, gpus = nodes.slots(resources.cpus_per_trial, resources.gpus_per_trial, plan.space.search.max_concurrent)
        if address:
            nodes.check_nodes(folder.ledger.resolve(), data_files(plan.config, found))
        if is_new:
            write_search_yaml(folder.search_yaml, {**description, "slots": slots})
        if found and found.bad_rows:
            path = write_skipped_rows(folder.root, found.bad_rows)
            print(f"skipped {len(found.bad_rows):,} bad rows, listed in {path}", flush=True)
        session = Session(
            folder,
            plan,
            metric=description["metric"],
            fingerprints=_fingerprints(plan, found),
            slots=slots,
            gpus=gpus,
            interrupts=interrupts,
            address=address,
            dashboard=dashboard,
        )
        say = session.progress.say
        most = f"{count(plan.num_trials, 'trial')}, {slots} at a time, {count(plan.last_epoch, 'epoch')} at most"
        say(f"search {folder.root}: {most}")
        if warning := no_pruning(plan):
            say(warning)
        if description["metric"] == "val_cer":
            say("hardly any spaces in the references: CER takes the place of WER")
        code = session.run()
        if code < 128:
            # Before Ray is shut down, which a lost one may never be.
            _say_farewell(folder, plan, session.state, description["metric"])
    return code


def _fingerprints(plan: Plan, found: Survey | None) -> dict[str, str]:
    """What a worker's data must say of themselves; of all of them, where no draw makes others of them."""
    if found is None:
        return {}
    fingerprints = {"val_fingerprint": found.corpus.val_fingerprint}
    if not any(facts(key).other_data for key in plan.distributions):
        fingerprints["fingerprint"] = found.corpus.fingerprint
    return fingerprints


@contextmanager
def _withdrawn_without_result(folder: ResultsFolder, is_new: bool) -> Iterator[None]:
    """Where a mistake of the user's ends a new search before its first epoch, its folder is not to be in the way."""
    try:
        yield
    except (ConfigError, DataError):
        if is_new and folder.search_yaml.exists() and not SearchState.read(folder.ledger).epochs:
            folder.remove()
        raise


def _complete(folder: ResultsFolder, plan: Plan, description: Mapping[str, Any], state: SearchState) -> None:
    """Make what is derived, where a kill came between the last trial's end and the search's, or a file was deleted."""
    derived = (folder.summary, folder.leaderboard, folder.best_yaml, folder.best_ckpt)
    if state.status == "finished" and all(path.exists() for path in derived):
        return
    write_snapshots(
        folder,
        state,
        status="finished",
        slots=state.slots or 1,
        wall_seconds=state.wall_seconds,
        metric=description["metric"],
        config=plan.config.model_dump(),
    )
    if state.status != "finished":
        ledger = Ledger.open(folder.ledger)
        ledger.append(SearchEnded(status="finished"))
        ledger.close()
    remove_tune_state(folder)


def data_files(config: Config, found: Survey | None) -> list[tuple[str, int]]:
    """What every node must see: initial weights, some of the noise, the manifests, and recordings of every length."""
    beside = [(str(path), path.stat().st_size) for path in files_beside(config)]
    if found is None or not isinstance(config.data, ManifestData):
        return beside
    utterances = sorted((*found.corpus.train, *found.corpus.val), key=lambda utterance: utterance.seconds)
    sample = utterances[:: math.ceil(len(utterances) / RECORDINGS_LOOKED_AT)] + utterances[-1:]
    recordings = [str(utterance.audio.path) for utterance in sample if isinstance(utterance.audio, FileAudio)]
    listings = [Path(path) for path in (config.data.train, config.data.val) if isinstance(path, str)]
    files = [*(str(file) for path in listings for file in listing_files(path)), *recordings]
    return [(path, Path(path).stat().st_size) for path in files] + beside


def _say_farewell(folder: ResultsFolder, plan: Plan, state: SearchState, metric: Metric) -> None:
    """The last lines: the winner, its checkpoint, and what to do next."""
    best = leader(sound_standings(folder, state, metric, former_best(folder))[0])
    if best is None:
        print(f"no trial reported an epoch; see {folder.ledger}")
    else:
        trial, report = best
        settings = ", ".join(f"{key}={value}" for key, value in trial.params.items())
        wer = "" if metric == "val_cer" else f"WER {percent(report.scores.val_wer)} %, "
        print(f"\nbest: trial {trial.number}, epoch {report.epoch}, {wer}CER {percent(report.scores.val_cer)} %")
        print(f"settings: {settings or 'those of the base configuration'}")
        print(f"checkpoint: {folder.best_ckpt}")
        if warning := too_early(report.scores.value(metric), metric):
            print(f"warning: {warning}")
    print(f"next: python -m tune_asr.report {shlex.quote(str(folder.root))}")
    if best is not None:
        print(f"      python -m tune_asr.train --config {shlex.quote(str(folder.best_yaml))}")
    if best is not None and not isinstance(plan.config.model, CustomTarget):
        print(f"      python -m tune_asr.export {shlex.quote(str(folder.root))}")
