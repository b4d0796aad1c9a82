"""Mistakes about GPUs that show before Ray starts."""

from __future__ import annotations

from collections.abc import Iterator

from tune_asr.errors import ConfigError
from tune_asr.search.cards.card import VISIBLE, Machine
from tune_asr.search.cards.nvml import this_machine
from tune_asr.search.cards.placement import GpusPerTrial, foreseen
from tune_asr.space.plan import Plan
from tune_asr.wording import count, value_text

_KEY = "resources.gpus_per_trial"


def require_gpus(plan: Plan, address: str | None) -> None:
    """Refuse a search whose trials would lack their GPU.

    Args:
        plan: space and base configuration.
        address: address of a Ray cluster, whose GPUs are not known yet; None for a local Ray.

    Raises:
        ConfigError: a local search cannot have the GPUs that its keys ask for.
    """
    if address is None and (error := mistake(plan, this_machine())):
        raise error


def lines_before(plan: Plan, machine: Machine) -> Iterator[str]:
    """Yield the lines about devices before Ray has started.

    Args:
        plan: space and base configuration.
        machine: GPUs of this machine.
    """
    if error := mistake(plan, machine):
        yield f"{error.cause}: a local search would be refused"
    elif machine.cards or not machine.has_others:
        yield from foreseen(plan.space.resources.gpus_per_trial, machine)


def mistake(plan: Plan, machine: Machine) -> ConfigError | None:
    """Return the refusal of a local search, if any.

    Args:
        plan: space and base configuration.
        machine: GPUs of this machine.
    """
    if machine.has_others:
        return None
    asked, have = plan.space.resources.gpus_per_trial, len(machine.cards)
    least = 1 if asked == "pack" else 0 if asked == "auto" else asked
    if have < least:
        return too_few(asked, machine)
    return None if have and asked else _device_without_gpu(plan, machine)


def _device_without_gpu(plan: Plan, machine: Machine) -> ConfigError | None:
    """Return the refusal of a device."""
    why = f"{_KEY} is 0" if machine.cards else _none_here(machine)
    accelerator = (plan.config.trainer.model_extra or {}).get("accelerator")
    for key, value, other in (
        ("trainer.accelerator", accelerator, "auto"),
        ("features.device", plan.config.features.device, "cpu"),
    ):
        if value in ("gpu", "cuda"):
            hint = f"Set {key} to {other}, which needs no GPU{_or_cluster(machine)}."
            return ConfigError(f"{key} is {value}, but {why}", hint)
    return None


def _none_here(machine: Machine) -> str:
    if machine.are_hidden:
        return f"{VISIBLE} is {machine.visible!r}, which hides every GPU"
    return "this machine has no GPU"


def too_few(asked: GpusPerTrial, machine: Machine) -> ConfigError:
    """Return the refusal of more GPUs than there are."""
    what = f"{_KEY} is {value_text(asked)}, but"
    if machine.cards:
        have = count(len(machine.cards), "GPU")
        sees = f"{VISIBLE} leaves" if len(machine.cards) < machine.total else "this machine has"
        return ConfigError(f"{what} {sees} {have}", f"Lower {_KEY}.")
    if machine.are_hidden:
        return ConfigError(f"{what} {_none_here(machine)}", f"Unset {VISIBLE}, or name a GPU in it.")
    return ConfigError(
        f"{what} {_none_here(machine)}", f"Set {_KEY} to auto, which needs no GPU{_or_cluster(machine)}."
    )


def _or_cluster(machine: Machine) -> str:
    return "" if machine.cards else ", or give the --address of a cluster"
