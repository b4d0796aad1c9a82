"""Slots of a search, the GPU of each, and the lines about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tune_asr.search.cards.card import VISIBLE, Card, Machine
from tune_asr.search.cards.packing import Packing
from tune_asr.search.cards.shares import hole, trials_on
from tune_asr.wording import count, percent, value_text

GpusPerTrial = float | Literal["auto", "pack"]
_KEY = "resources.gpus_per_trial"


@dataclass(frozen=True, slots=True)
class Placement:
    """Slots of a search, and what each trial gets."""

    slots: int
    """Number of trials that run at the same time."""
    cpus: float
    """CPUs of a trial."""
    gpus: float
    """GPUs of a trial, or the share of one."""
    asked: GpusPerTrial = "auto"
    """Value of `resources.gpus_per_trial`."""
    fitting: int | None = None
    """Number of trials that would fit, None if it is not known."""
    wanted: int | Literal["auto"] = "auto"
    """Value of `search.max_concurrent`."""
    machine: Machine = field(default_factory=Machine)
    """GPUs of this machine, or of a node of the cluster."""
    packing: Packing | None = None
    """Measured number of trials on a GPU."""

    @property
    def resources(self) -> Mapping[str, float]:
        """CPUs and GPUs of a trial."""
        return {"cpu": self.cpus, "gpu": self.gpus}

    @property
    def resources_alone(self) -> Mapping[str, float]:
        """Resources of a packed trial without neighbours."""
        return {"cpu": self.cpus, "gpu": 1.0} if self.packing else self.resources

    @property
    def slower(self) -> float:
        """Factor by which packed trials slow each other down."""
        return self.packing.trials / self.packing.faster if self.packing else 1.0

    @property
    def card(self) -> Card | None:
        """GPU that trials train on, the first of several."""
        return next(iter(self.machine.cards), None) if self.gpus else None

    @property
    def device(self) -> str | None:
        """Name of the device; None without any GPU."""
        if not self.gpus:
            return "cpu" if self.machine.total else None
        return self.card.name if self.card else "GPU"

    @property
    def trials_a_card(self) -> int | None:
        """Trials that share a GPU; None on a CPU."""
        return trials_on(self.gpus) if self.gpus else None

    @property
    def reason(self) -> str | None:
        """Reason of the number of trials on a GPU."""
        if self.packing:
            return self.packing.reason
        if self.gpus:
            return f"{_KEY} is {value_text(self.asked)}"
        if not self.machine.total:
            return None
        return f"{VISIBLE} hides every GPU" if self.machine.are_hidden else f"{_KEY} is {value_text(self.asked)}"

    def lines(self) -> Iterator[str]:
        """Yield the lines about devices, the device first."""
        if self.device:
            yield f"{device_line(self)} ({self.reason})"
        yield from remarks(self)


def device_line(placement: Placement) -> str:
    """Return the device, and the trials on it."""
    if not placement.gpus:
        return "device: CPU"
    card, number = placement.card, len(placement.machine.cards)
    many = f"{number} GPUs, the first " if number > 1 else ""
    device = f"{many}{card}" if card else "GPU, of unknown memory"
    shared = placement.trials_a_card or 1
    if placement.gpus > 1:
        return f"device: {device}; {count(placement.gpus, 'GPU')} for each trial"
    return f"device: {device}; {f'{shared} trials share a GPU' if shared > 1 else 'one trial a GPU'}"


def remarks(placement: Placement) -> Iterator[str]:
    """Yield what is odd about GPUs without being wrong."""
    machine, share = placement.machine, placement.gpus
    if machine.unknown and (machine.cards or not share) and placement.asked != 0:
        used = "only those before it are used" if machine.cards else "trials use the CPU"
        yield f"{VISIBLE} is {machine.visible}, but no GPU is named {machine.unknown[0]}: {used}"
    if share and any(card.parts for card in machine.cards):
        card = next(card for card in machine.cards if card.parts)
        yield (
            f"GPU {card.index} is divided into {count(card.parts, 'part')} (MIG), and a trial sees only the first: "
            f"name the parts in {VISIBLE} as `nvidia-smi -L` lists them"
        )
    if (unused := hole(share)) > 0.01:
        shared = trials_on(share)
        each = f"{shared} trials share a GPU" if shared > 1 else "one trial has a GPU"
        yield f"{_KEY} is {share:g}: {each}, and {percent(unused)} % of it stays unused"
    if placement.wanted != "auto" and placement.fitting is not None and placement.wanted > placement.fitting:
        yield (
            f"search.max_concurrent is {placement.wanted}, but {count(placement.fitting, 'trial')} "
            f"{'fits' if placement.fitting == 1 else 'fit'} at once"
        )


def foreseen(asked: GpusPerTrial, machine: Machine) -> Iterator[str]:
    """Yield the lines about devices before Ray has started.

    Args:
        asked: value of `resources.gpus_per_trial`.
        machine: GPUs of this machine.
    """
    share = float(bool(machine.cards)) if isinstance(asked, str) else asked
    placement = Placement(0, 1, share if machine.cards else 0.0, asked, machine=machine)
    if asked == "pack" and machine.cards:
        line = device_line(placement).partition(";")[0]
        yield f"{line}; as many trials share a GPU as pay, measured when the search begins ({_KEY} is pack)"
        yield from remarks(placement)
    else:
        yield from placement.lines()
