"""Facts on a recording, and the reason for an unusable one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AudioError(Exception):
    """Unusable recording; the reason is a phrase after its name."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


_RATES = (1_000, 1_000_000)  # in Hz; no recorder of sounds is outside


def check_rate(sample_rate: int) -> None:
    """Refuse a sample rate that no recording has.

    Raises:
        AudioError: it is too low or too high.
    """
    lowest, highest = _RATES
    if not lowest <= sample_rate <= highest:
        raise AudioError(f"is damaged: its header says {sample_rate:,} Hz")


class Finding(StrEnum):
    """Properties of readable recordings worth a remark."""

    UNFINISHED = "recordings whose header was never completed, read to the end of the file"
    WRONG_COUNT = "recordings whose header counts too few or too many samples, read to the end of the file"
    JOINED = "files that hold several recordings one after the other, all of them read"


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """Header of a recording."""

    sample_rate: int
    """In Hz."""
    channels: int
    num_frames: int
    """Samples in each channel."""
    findings: tuple[Finding, ...] = ()
    """Remarks on the file."""
    is_float: bool = False
    """True if the samples are floating-point numbers, of any size."""
