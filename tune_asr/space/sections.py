"""Schema of a search space."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from tune_asr.config.key_facts import KeyFacts
from tune_asr.config.schema import Count, FilePath, Int, Section, Seed
from tune_asr.space.durations import Duration

FREE = KeyFacts(free_on_resume=True)


def _one_rule(rule: str) -> WrapValidator:
    """Report one mistake for a value of two types.

    pydantic reports one for each type.
    """

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(rule) from None

    return WrapValidator(validate)


def _whole_above_one(number: float) -> float:
    """Refuse 1.5 GPUs, as Ray does."""
    if number > 1 and number != int(number):
        raise ValueError
    return number


class FinalistsSection(Section):
    """Fresh trainings of the best settings, which choose the winner."""

    top: Count = 3
    """Settings that are trained again, the best ones."""
    seeds: Count = 3
    """Trainings of each, with as many fresh seeds."""


Aim = Literal["val_wer", "val_cer", "num_parameters", "rtf"]
"""Value that a search can want low."""


class LimitsSection(Section):
    """Largest model and slowest decoding that may win."""

    num_parameters: Count | None = None
    """Parameters of the model."""
    rtf: Annotated[float, Field(gt=0)] | None = None
    """Seconds of compute per second of speech, over the validation of the first epoch."""


class SearchSection(Section):
    """Draws of settings."""

    algorithm: Literal["auto", "random", "grid"] = "auto"
    """auto: a model of the trials so far proposes; random: each key is drawn on its own; grid: every combination."""
    num_samples: Count | None = None
    """Trials for each combination of the grids; without grids, trials in all. Default of grid: 1; otherwise 16."""
    include_base: bool | None = None
    """Whether trial 00000 is the base configuration, never pruned; by default it is, unless a key has a grid."""
    time_budget: Duration | None = None
    """Time for the whole search, from the command on, such as 90s, 10m, 1h30m or 2d. It decides the number of trials:
    num_samples is a limit only if the command line gives it. The horizon is shortened if fewer than 8 trials fit."""
    max_concurrent: Annotated[Literal["auto"] | Count, _one_rule("must be auto, or a whole number above 0"), FREE] = (
        "auto"
    )
    """Trials at a time; auto: as many as the machine or the cluster holds."""
    seed: Seed = 17
    """Seed of the settings and of the seed of each trial."""
    stop: Annotated[Literal["auto", "never"], FREE] = "auto"
    """auto: no new wave begins once two waves have gained less than the validation set can show."""
    finalists: Annotated[FinalistsSection | None, FREE] = None
    """Fresh trainings of the best settings, whose mean chooses the winner; by default none."""
    objectives: Annotated[list[Aim], BeforeValidator(lambda value: [] if value is None else value), FREE] = Field(
        default_factory=list
    )
    """Values to trade off against each other: trials that no other beats in all of them form the Pareto front."""
    limits: Annotated[LimitsSection, BeforeValidator(lambda value: {} if value is None else value)] = LimitsSection()
    """A trial beyond a limit ends after its first epoch."""
    warm_start: FilePath | None = None
    """Results folder of an earlier search over the same keys, whose scores `auto` proposes from."""


class AshaSection(Section):
    """Pruning by ASHA (Li et al., 2020), in epochs."""

    mode: Literal["waves", "stop"] = "waves"
    """waves: trials pause at rungs, and the best of all that came so far continue; stop: a trial is judged at once."""
    metric: Literal["score", "objective", "val_wer", "val_cer"] = "score"
    """Value by which trials are compared. score: WER plus CER; objective: WER, and a little of CER. Both order ties by
    the loss."""
    grace_period: Count = 3
    """No trial is pruned before this epoch (r)."""
    reduction_factor: Annotated[Int, Field(ge=2)] = 2
    """One in this many continues at each rung (eta)."""
    max_t: Count | None = None
    """Last epoch (R); by default trainer.max_epochs."""
    controls: Annotated[Int, Field(ge=0)] = 0
    """Trials that would be pruned and are trained to the end, to show what pruning loses."""


class ResourcesSection(Section):
    """Resources of one trial, in Ray's units."""

    cpus_per_trial: Annotated[float, Field(gt=0)] = 1
    """CPUs; a fraction lets several trials share one."""
    gpus_per_trial: Annotated[
        Literal["auto", "pack"] | Annotated[float, Field(ge=0), AfterValidator(_whole_above_one)],
        _one_rule("must be auto, pack, or a number that is not below 0, and a whole one above 1"),
    ] = "auto"
    """GPUs; auto: one for each trial, if there are any; pack: as many trials on a GPU as pay, which is measured; a
    number below 1: a share, so that several trials use one GPU; 0: none."""
    silence: Annotated[
        Literal["auto"] | Annotated[float, Field(gt=0)], _one_rule("must be auto, or a number of minutes above 0")
    ] = "auto"
    """Minutes without a word after which a worker is killed and its trial retried; auto: 30 before its first report,
    later 10, or ten times the longest epoch if that is more."""


class SpaceFile(Section):
    """Whole file. `param_space` and `over` are read key by key."""

    config: str | None = None
    """Base configuration, relative to this file."""
    param_space: dict[str, JsonValue] = Field(default_factory=dict)
    """Dotted keys of the configuration, each with a distribution; empty: every trial is the base configuration."""
    search: SearchSection = SearchSection()
    asha: AshaSection = AshaSection()
    resources: Annotated[ResourcesSection, FREE] = ResourcesSection()
    over: dict[str, JsonValue] = Field(default_factory=dict)
    """Dotted keys of the configuration with fixed values."""
