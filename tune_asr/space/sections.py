"""The schema of a search space: how values are drawn, how trials are pruned, what a trial may use."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from tune_asr.config.schema import Count, Int, Section, Seed


def _one_rule(rule: str) -> WrapValidator:
    """One mistake for a value that may have two types: pydantic would tell two, one for each type."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(rule) from None

    return WrapValidator(validate)


class SearchSection(Section):
    """How settings are drawn."""

    algorithm: Literal["random", "grid"] = "random"
    """random: each key drawn on its own; grid: every combination, all keys being grid_search."""
    num_samples: Count | None = None
    """Trials for each combination of the grids, which is one where there are no grids. random: 16 where nothing is
    said; grid: 1."""
    max_concurrent: Annotated[Literal["auto"] | Count, _one_rule("must be auto, or a whole number above 0")] = "auto"
    """Trials that run at once; auto: as many as the machine or the cluster holds."""
    seed: Seed = 17
    """Draws the settings and gives each trial its own seed."""


class AshaSection(Section):
    """When a trial is pruned: ASHA (Li et al., 2020), the stopping variant. All counts are epochs."""

    metric: Literal["objective", "val_wer", "val_cer"] = "objective"
    """What trials are compared by; objective: WER, with CER and loss where WER is still blind."""
    grace_period: Count = 3
    """No trial is pruned before this epoch (r)."""
    reduction_factor: Annotated[Int, Field(ge=2)] = 2
    """One in this many goes on at each rung (eta)."""
    max_t: Count | None = None
    """The last epoch (R); trainer.max_epochs where nothing is said."""
    controls: Annotated[Int, Field(ge=0)] = 0
    """So many trials that would be pruned are trained to the end, to see what pruning loses."""


class ResourcesSection(Section):
    """What one trial may use, in Ray's units."""

    cpus_per_trial: Annotated[float, Field(gt=0)] = 1
    """CPUs; a share lets several trials use one."""
    gpus_per_trial: Annotated[
        Literal["auto"] | Annotated[float, Field(ge=0)], _one_rule("must be auto, or a number that is not below 0")
    ] = "auto"
    """GPUs; auto: one each where there are any."""


class SpaceFile(Section):
    """The file, whole. `param_space` and `over` are read key by key."""

    config: str | None = None
    """The base configuration, relative to this file."""
    param_space: dict[str, Any] = Field(default_factory=dict)
    """Dotted keys of the configuration, each with a distribution; empty: every trial is the base configuration."""
    search: SearchSection = SearchSection()
    asha: AshaSection = AshaSection()
    resources: ResourcesSection = ResourcesSection()
    over: dict[str, Any] = Field(default_factory=dict)
    """Dotted keys of the configuration with fixed values."""
