"""One search, from its files to its exit code.

A search that is new and one that is resumed take the same way: the ledger is replayed (an empty one gives nothing), and
the conductor goes on from there.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tune_asr.config.sections import Config, ManifestData
from tune_asr.errors import DataError, Problem, StorageError
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import Ledger, read_ledger
from tune_asr.record.search_yaml import read_search_yaml, write_search_yaml
from tune_asr.record.skipped_rows import write_skipped_rows
from tune_asr.record.snapshots import write_snapshots
from tune_asr.record.state import SearchState
from tune_asr.space import plan as plans
from tune_asr.space.plan import Plan
from tune_asr.speech.directories import listing_files
from tune_asr.speech.scoring import word_error_rate_applies
from tune_asr.speech.survey import Survey
from tune_asr.training.corpus import survey
from tune_asr.tuning import cluster, nodes
from tune_asr.tuning.conductor import remove_tune_state
from tune_asr.tuning.interrupts import Interrupts


def start(plan: Plan, root: Path, address: str | None) -> int:
    """Start a new search in the folder `root`; returns the exit code.

    Raises:
        DataError: the data cannot be trained on.
        StorageError: the folder is taken, or cannot be written.
        ClusterError: no Ray.
    """
    found = checked_survey(plan.config)
    if found:
        print(found.render(), flush=True)
    folder = ResultsFolder.create(root)
    with folder.lock():
        return _run(folder, plan, _description(plan, root.name, found), address, found.problems if found else ())


def resume(root: Path, address: str | None) -> int:
    """Go on with the search in the folder `root`, from its own files alone; returns the exit code.

    Raises:
        DataError: the data are no longer those that the search began with.
        StorageError: the folder holds no search, is locked or damaged.
        ClusterError: no Ray.
    """
    folder = ResultsFolder.open_existing(root)
    with folder.lock():
        description = read_search_yaml(folder.search_yaml)
        name = str(folder.search_yaml)
        try:
            plan = plans.from_values(description["space"], description["config"], name)
            fingerprint = description["data_fingerprint"]
        except (KeyError, TypeError) as error:
            raise StorageError(f"{name}: damaged: {error} is missing: restore it from a copy") from error
        state = SearchState.replay(read_ledger(folder.ledger), str(folder.ledger))
        if len(state.trials) >= plan.num_trials and not state.open_trials():
            _complete(folder, plan, description, state)
            print(f"{root}: the search is finished; `python -m tune_asr.report {root}` shows it")
            return 0
        found = checked_survey(plan.config)
        if found and found.corpus.fingerprint != fingerprint:
            raise DataError(
                f"{name}: the data have changed since the search began, and its results would be measured by two "
                "rulers: restore the data, or start a new search"
            )
        return _run(folder, plan, description, address)


def checked_survey(config: Config) -> Survey | None:
    """Look at the data before anything starts; None where they come from a class of the user's.

    Raises:
        DataError: with everything that is wrong.
    """
    found = survey(config)
    if found:
        found.check()
    return found


def _run(
    folder: ResultsFolder,
    plan: Plan,
    description: Mapping[str, Any],
    address: str | None,
    skipped: Sequence[Problem] = (),
) -> int:
    is_new = not folder.search_yaml.exists()
    interrupts = Interrupts()
    interrupts.install()
    # A folder of a search that never began would only be in the way of the next try.
    abandon = folder.discard if is_new else lambda: None
    print("starting Ray" if address is None else f"joining Ray at {address}", flush=True)
    with cluster.ray_session(folder.root.name, address, abandon) as dashboard:
        interrupts.install()
        from tune_asr.tuning.session import Session

        resources = plan.space.resources
        slots, gpus = nodes.slots(resources.cpus_per_trial, resources.gpus_per_trial, plan.space.search.max_concurrent)
        if address:
            nodes.check_nodes(folder.ledger.resolve(), _data_files(plan.config))
        if is_new:
            write_search_yaml(folder.search_yaml, {**description, "slots": slots})
        if skipped:
            print(
                f"skipped {len(skipped):,} bad rows, listed in {write_skipped_rows(folder.root, skipped)}", flush=True
            )
        session = Session(folder, plan, metric=description["metric"], slots=slots, gpus=gpus, interrupts=interrupts)
        say = session.progress.say
        say(f"search {folder.root}: {plan.num_trials} trials, {slots} at a time, {plan.max_t} epochs at most")
        if description["metric"] == "val_cer":
            say("hardly any spaces in the references: CER takes the place of WER")
        if dashboard:
            say(f"dashboard {dashboard}{_token_hint()}")
        code = session.run(address)
    if code < 128:
        _say_farewell(folder)
    return code


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
        Ledger.open(folder.ledger).append({"event": "search_ended", "status": "finished"})
    remove_tune_state(folder)


def _description(plan: Plan, name: str, found: Survey | None) -> dict[str, Any]:
    """What search.yaml keeps: enough to go on with the search, and to know how it came about."""
    applies = found is None or word_error_rate_applies(utterance.text for utterance in found.corpus.val)
    packages = ("tune_asr", "torch", "lightning", "ray")
    return {
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{package: version(package) for package in packages}},
        "data_fingerprint": found.corpus.fingerprint if found else None,
        "metric": "val_wer" if applies else "val_cer",
        "seed": plan.space.search.seed,
        "space": plan.values(),
        "config": plan.config.model_dump(),
    }


def _data_files(config: Config) -> list[tuple[str, int]]:
    """What every node must see: the manifests. Their recordings lie beside them, as everywhere."""
    if not isinstance(config.data, ManifestData):
        return []
    manifests = [Path(path) for path in (config.data.train, config.data.val) if isinstance(path, str)]
    return [(str(file), file.stat().st_size) for path in manifests for file in listing_files(path)]


def _token_hint() -> str:
    path = cluster.token_path()
    return f"  (its token is in {path})" if path.exists() else ""


def _say_farewell(folder: ResultsFolder) -> None:
    """The last lines: the winner, its checkpoint, and what to do next."""
    summary = json.loads(folder.summary.read_bytes())
    best = summary["best"]
    if best is None:
        print(f"no trial reported an epoch; see {folder.ledger}")
    else:
        settings = ", ".join(f"{key}={value}" for key, value in best["params"].items())
        rates = f"WER {best['val_wer']:.2%}, CER {best['val_cer']:.2%}"
        print(f"\nbest: trial {best['trial']}, epoch {best['epoch']}, {rates}")
        print(f"settings: {settings or 'those of the base configuration'}")
        print(f"checkpoint: {folder.best_ckpt}")
    print(f"next: python -m tune_asr.report {folder.root}")
    if best is not None:
        print(f"      python -m tune_asr.train --config {folder.best_yaml}")
