"""Plan of a resumed search, and what its flags ask for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from tune_asr.config.overrides import Override
from tune_asr.config.strict_yaml import parse_value
from tune_asr.errors import ConfigError, Problem
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.search_yaml import SearchYaml, read_search_yaml, require_same_seed
from tune_asr.record.state import SearchState
from tune_asr.search.accepting import DATA, NOISE, VERSIONS, Comparison
from tune_asr.search.description import noise_of, versions
from tune_asr.search.extent import Asked, changes, is_finished, trials_to_create
from tune_asr.search.given import as_overrides, check_given
from tune_asr.search.longer import repeated
from tune_asr.space import plan as plans
from tune_asr.space.plan import Plan
from tune_asr.space.sections import SearchSection
from tune_asr.speech.survey.survey import Survey
from tune_asr.wording import count


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeFlags:
    """Flags of a resume, as they were given."""

    num_samples: str | None = None
    max_epochs: str | None = None
    given: Sequence[Override] = ()
    """Arguments of `--set`."""
    accept: Sequence[str] = ()


class ResumedSearch:
    """Search to resume: its files, and the flags.

    Args:
        folder: results folder.
        flags: those of the command.

    Raises:
        ConfigError: the search cannot go on as the flags ask.
        StorageError: search.yaml or the ledger is damaged.
    """

    def __init__(self, folder: ResultsFolder, flags: ResumeFlags) -> None:
        self.folder, self.flags = folder, flags
        self.description: SearchYaml = read_search_yaml(folder.search_yaml)
        self.metric = self.description["metric"]
        self.state = SearchState.read(folder.ledger)
        check_given(flags.given)
        self._overrides = [*as_overrides(self.state.changes.given), *flags.given]
        self.plan = self._plan()
        seed = self.plan.space.search.seed
        described = self.state.changes.described
        began = seed if described is None else described.get("search.seed", SearchSection().seed)
        require_same_seed(folder.search_yaml, self.description["seed"], dict.fromkeys((began, seed)))
        self.asked = self._asked()

    @property
    def is_finished(self) -> bool:
        """True if nothing is left to do without the flags."""
        return is_finished(self.plan, self.state, self.metric)

    @property
    def is_left(self) -> bool:
        """True if something is left to do."""
        return not self.is_finished or changes(self.plan, self.state, self.asked)

    @property
    def creates(self) -> bool:
        """True if trials are still to be created."""
        return trials_to_create(self.plan, self.state) > 0 or changes(self.plan, self.state, self.asked)

    @property
    def before(self) -> dict[str, JsonValue]:
        """Sections of space and base without the flags."""
        plan = plans.from_values(
            self.description["space"],
            self.description["config"],
            str(self.folder.search_yaml),
            as_overrides(self.state.changes.given),
        )
        return {**plan.base_values(), **plan.values()}

    @property
    def given(self) -> dict[str, JsonValue]:
        """Keys that `--set` changes, with their values."""
        return {override.key: override.value for override in self.flags.given}

    def compared(self, found: Survey | None) -> Comparison:
        """Compare the search with its start."""
        data = found.corpus.fingerprint if found else self.description["data_fingerprint"]
        return self._compared({**_versions(), DATA: data, NOISE: noise_of(self.plan)})

    def edited(self, *, by_versions: bool = False) -> Comparison:
        """Compare search.yaml alone; enough if nothing is trained.

        Args:
            by_versions: whether changed versions are found as well.
        """
        return self._compared(_versions() if by_versions else {})

    def _compared(self, now: Mapping[str, JsonValue]) -> Comparison:
        return Comparison(self.folder.search_yaml, self.description, self.state.changes, now)

    @property
    def command(self) -> str:
        """Command that resumes the search."""
        return f"python -m tune_asr.search --resume {shlex.quote(str(self.folder.root))}"

    def _plan(self, overrides: Sequence[Override] = ()) -> Plan:
        space, config = self.description["space"], self.description["config"]
        return plans.from_values(space, config, str(self.folder.search_yaml), [*self._overrides, *overrides])

    def _asked(self) -> Asked:
        flags, state = self.flags, self.state
        if flags.num_samples is not None and flags.max_epochs is not None:
            what = "--num-samples and --max-epochs cannot be given together: longer trainings repeat the best settings"
            raise ConfigError(what, "Resume twice: first with more trials, then with a longer horizon.")
        if flags.num_samples is not None:
            place = f"--num-samples {flags.num_samples}"
            if state.stages.index:
                self._require_finished(place, f"the trainings with {state.stages.now.horizon} epochs are not finished")
            asked = self._plan(_flag(place, flags.num_samples, "search.num_samples"))
            return Asked(trials=self._enough(asked.num_trials, place), of_finished=self.is_finished)
        if flags.max_epochs is not None:
            place = f"--max-epochs {flags.max_epochs}"
            self._require_finished(place, "the best settings are trained longer once the search is finished")
            longer = self._plan(_flag(place, flags.max_epochs, "trainer.max_epochs", "asha.max_t"))
            return Asked(horizon=self._above(longer.max_t, place), of_finished=True)
        return Asked()

    def _require_finished(self, place: str, what: str) -> None:
        if not self.is_finished:
            given = "".join(f" --set {shlex.quote(each.place.removeprefix('--set '))}" for each in self.flags.given)
            raise ConfigError(Problem(place, what, f"Finish it first: {self.command}{given}"))

    def _enough(self, trials: int, place: str) -> int:
        created = self.state.num_drawn
        if trials < created:
            what = f"makes {count(trials, 'trial')} in all, but {created} are created already"
            raise ConfigError(Problem(place, what, "Give a larger number; it includes the trials so far."))
        return trials

    def _above(self, horizon: int, place: str) -> int:
        before = self.state.planned.horizon if self.state.planned else self.plan.last_epoch
        if horizon <= before:
            what = f"is {horizon}, but must be above the horizon so far, which is {before}"
            raise ConfigError(Problem(place, what, "Give more epochs."))
        if not repeated(self.state, self.metric, len(self.state.stages.every)):
            raise ConfigError(Problem(place, "no trial has a result, so there is no setting to train longer"))
        return horizon


def _versions() -> dict[str, JsonValue]:
    return {f"{VERSIONS}.{name}": version for name, version in versions().items()}


def named(root: Path) -> Path:
    """Return a folder by its name: `.` has none."""
    return root if root.name not in ("", "..") else root.resolve()


def _flag(place: str, text: str, *keys: str) -> list[Override]:
    return [Override(key, parse_value(text, place), place, Path.cwd()) for key in keys]
