"""One GPU, and the GPUs that a process may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GIGABYTE = 2**30
VISIBLE = "CUDA_VISIBLE_DEVICES"
_NONE = ("", "-1", "NoDevFiles")


@dataclass(frozen=True, slots=True)
class Card:
    """GPU, or part of one (MIG)."""

    name: str
    uuid: str
    index: int
    """Number among the GPUs of the machine, in the order of the bus."""
    total_bytes: int
    free_bytes: int
    parts: int = 0
    """Number of its parts, if it is divided (MIG)."""

    def __str__(self) -> str:
        used = self.total_bytes - self.free_bytes
        size = f"{self.total_bytes / GIGABYTE:.0f} GB"
        taken = f", {used / GIGABYTE:.0f} GB of it in use" if used > 0.02 * self.total_bytes else ""
        return f"{self.name}, {size}{taken}"


@dataclass(frozen=True, slots=True)
class Machine:
    """GPUs of one machine."""

    cards: Sequence[Card] = ()
    """GPUs that a program started here sees."""
    total: int = 0
    """Number of GPUs, hidden ones included."""
    visible: str | None = None
    """Value of `CUDA_VISIBLE_DEVICES`."""
    has_others: bool = False
    """True if Ray may count GPUs that NVML does not know."""

    @property
    def unknown(self) -> list[str]:
        """Names in `CUDA_VISIBLE_DEVICES` that no GPU has."""
        return names(self.visible)[len(self.cards) :]

    @property
    def are_hidden(self) -> bool:
        """True if there are GPUs, and a program sees none."""
        return self.total > 0 and not self.cards


def names(visible: str | None) -> list[str]:
    """Return the GPUs that `CUDA_VISIBLE_DEVICES` names."""
    return [] if visible is None or visible.strip() in _NONE else [name.strip() for name in visible.split(",")]


def parts_named(visible: str | None) -> int:
    """Count the parts of GPUs (MIG) in `CUDA_VISIBLE_DEVICES`.

    It is 0 if it names anything else. Ray counts whole GPUs, and would use fewer parts than are named.
    """
    given = names(visible)
    return len(given) if all(name.startswith("MIG-") for name in given) else 0


def usable_parts(machine: Machine) -> int | None:
    """Return the parts of GPUs (MIG) for a local Ray.

    None if it counts right itself.
    """
    return min(parts_named(machine.visible), len(machine.cards)) or None


def chosen(visible: str | None, cards: Sequence[Card]) -> list[Card]:
    """Return the GPUs that CUDA lets a process see.

    CUDA reads names up to the first that it does not know.

    Args:
        visible: value of `CUDA_VISIBLE_DEVICES`; None for all.
        cards: GPUs of the machine, and their parts after them.
    """
    if visible is None:
        return [card for card in cards if not card.uuid.startswith("MIG-")]
    found: list[Card] = []
    for name in names(visible):
        card = next((card for card in cards if _is_named(card, name)), None)
        if card is None:
            break
        found.append(card)
    return found


def _is_named(card: Card, name: str) -> bool:
    if name.isdecimal():
        return card.index == int(name) and not card.uuid.startswith("MIG-")
    return len(name) > len("GPU-") and card.uuid.startswith(name)
