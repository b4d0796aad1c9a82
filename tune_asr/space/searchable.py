"""Which keys a space may search, and whether the configuration takes every value that may be drawn for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tune_asr.config import load
from tune_asr.config.overrides import Layered, Override, overridden
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem
from tune_asr.space.distributions import Distribution

RULER = "it is part of the ruler: trials measured by different rulers cannot be compared"
UNITS = "the loss is counted a symbol, so trials of other symbols cannot be compared by it: make a search for each"
PATH = "it is a path: give it in the base, or in over"
NO_SETTING = "it is no setting of the recogniser"
HORIZON = "it is the horizon: say asha.max_t or --max-epochs"
ENDS = "ASHA decides when a trial ends"
UNHEARD = "it does not reach your own class: search that class's parameters"
SECTION = "it is a section: search its keys, each by its path, such as optimizer.lr"
# Keys that do nothing unless another key has one of these values.
NEEDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "optimizer.ema_decay": ("checkpoint.weights", frozenset({"ema"})),
    "scheduler.hold_fraction": ("scheduler.name", frozenset({"tri_stage"})),
    "scheduler.factor": ("scheduler.name", frozenset({"plateau"})),
    "scheduler.patience": ("scheduler.name", frozenset({"plateau"})),
    "scheduler.final_fraction": ("scheduler.name", frozenset({"cosine", "plateau", "one_cycle", "tri_stage"})),
}
# Of a built-in data section, what may differ between trials: how the same speech is put into batches.
SEARCHABLE_DATA = frozenset({"data.batch_size", "data.max_frames_in_batch", "data.bucketing", "data.max_seconds"})
# Those that make other data of what lies on the disk: such trials have fingerprints of their own.
OTHER_DATA = frozenset({"data.max_seconds", "features.sample_rate"})
PATHS = frozenset({"model.init_from", "augment.noise_dir"})


def key_problems(
    searched: Mapping[str, Distribution], config: Config, layered: Layered, fixed: Sequence[Override]
) -> Iterator[Problem]:
    """The mistakes of a space's keys; `layered` knows where each was written, `fixed` sets keys for all trials."""
    fixed_at = {leaf: override.place for override in fixed for leaf in leaves(override.key, override.value)}
    searched_at = {key: layered.place(("param_space", key)) for key in searched}
    for key, distribution in searched.items():
        rivals = [place for other, place in fixed_at.items() if _overlap(key, other)]
        relatives = [place for other, place in searched_at.items() if other != key and _overlap(key, other)]
        if reason := _not_searchable(key, config) or _dead(key, searched, config):
            yield Problem(searched_at[key], "cannot be searched", reason)
        elif rivals:
            yield Problem(searched_at[key], f"is searched, but fixed as well, by {rivals[0]}", "keep one of them")
        elif relatives:
            yield Problem(searched_at[key], f"overlaps with {relatives[0]}", "keep one of them")
        else:
            yield from _value_problems(key, distribution, config, searched_at[key])
    if "seed" in fixed_at:
        hint = "each trial has its own, out of search.seed; param_space: {seed: {choice: [7]}} gives all of them one"
        yield Problem(fixed_at["seed"], "cannot be fixed in a search", hint)


def leaves(key: str, value: Any) -> Iterator[str]:
    """The dotted keys that an override sets: `optimizer` with `{lr: 1}` sets `optimizer.lr`."""
    if isinstance(value, dict):
        for inner, below in value.items():
            yield from leaves(f"{key}.{inner}", below)
    else:
        yield key


def _overlap(key: str, other: str) -> bool:
    """Whether one of two keys is the other, or holds it."""
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


def _dead(key: str, searched: Mapping[str, Distribution], config: Config) -> str:
    """Why a search over `key` would compare equal trainings; empty where it would not."""
    rival, live = NEEDS.get(key, ("", frozenset()))
    if not rival or (rival.startswith("scheduler.") and isinstance(config.model, CustomTarget)):
        return ""  # a class of the user's does with the section scheduler what it likes
    section, _, name = rival.partition(".")
    values = searched[rival].probes if rival in searched else [getattr(getattr(config, section), name)]
    if live.intersection(values):
        return ""
    if rival == "checkpoint.weights":
        return f"it does nothing under checkpoint.weights: {values[0]}: say ema in the base, or in over"
    return f"it does nothing under {rival}: {values[0]}: say another one in the base, or search that key as well"


def _not_searchable(key: str, config: Config) -> str:
    section, _, name = key.partition(".")
    if key in ("text.unit", "text.vocab_size"):
        return UNITS
    if section == "text" or key in ("data.target", "data.val", "data.test") or key.startswith("data.val."):
        return RULER
    if section in Config.model_fields and not name and section != "seed":
        return SECTION
    if section == "data" and not isinstance(config.data, CustomTarget) and key not in SEARCHABLE_DATA:
        return RULER if name in load.known_keys("data") else ""
    ours = section in ("optimizer", "augment") and key != "optimizer.ema_decay"
    if (ours and isinstance(config.model, CustomTarget)) or (
        section == "features" and isinstance(config.data, CustomTarget)
    ):
        return f"{UNHEARD}, {'data' if section == 'features' else 'model'}.*"
    if key == "checkpoint.weights":
        return RULER
    if key in PATHS and not isinstance(getattr(config, section), CustomTarget):
        return PATH
    if section in ("checkpoint", "logging") or key == "features.max_cache_gb":
        return NO_SETTING
    if section == "early_stopping":
        return ENDS
    return HORIZON if key == "trainer.max_epochs" else ""


def _value_problems(key: str, distribution: Distribution, config: Config, place: str) -> Iterator[Problem]:
    """Lay values of the distribution over the configuration: each must be allowed there."""
    base = config.model_dump()
    for value in distribution.probes:
        try:
            load.check(Layered(overridden(base, {key: value})))
        except ConfigError as error:
            yield Problem(place, error.problems[0].what, error.problems[0].hint)
            return
