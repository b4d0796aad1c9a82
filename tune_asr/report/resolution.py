"""How fine the ruler is: how far apart two word error rates must be before the validation set can tell them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from tune_asr.record.utterances import Utterances
from tune_asr.wording import count

_NORMAL = 1.96
"""Standard errors to each side of the middle 95 %."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The smallest difference, as a fraction, that 95 % intervals tell from none, near the rate `wer`."""

    words: int
    utterances: int
    wer: float
    unpaired: float
    """Of two settings whose utterances are not compared one by one."""
    paired: float | None
    """Of two settings on the same utterances; None where there is no second one to say how alike they err."""

    def __str__(self) -> str:
        # Where errors fall on other utterances, pairing removes nothing.
        is_finer = self.paired is not None and self.paired < self.unpaired
        paired = f"; {100 * self.paired:.1f} when paired" if self.paired is not None and is_finer else ""
        return (
            f"The ruler, {count(self.words, 'word')} in {count(self.utterances, 'utterance')}: near WER "
            f"{self.wer:.2f}, settings closer than {100 * self.unpaired:.1f} points cannot be told apart{paired}."
        )


def resolution(first: Utterances, others: Sequence[Utterances]) -> Resolution | None:
    """What the validation set can tell apart near the first setting.

    Args:
        first: its utterances; with words.
        others: those of settings near it; each that was scored on the same utterances is paired with it.

    Returns:
        None where the first has no spread to go by: one utterance, or the same rate in all of them.
    """
    error = _standard_error(first.errors, first.words)
    if len(first.ids) < 2 or math.isclose(error, 0, abs_tol=1e-12):
        return None
    same = [other for other in others if other.ids == first.ids]
    # Both of the same pairs: a setting that errs more spreads more, paired or not.
    apart = [math.hypot(error, _standard_error(other.errors, other.words)) for other in same]
    pairs = [_standard_error(first.errors - other.errors, first.words) for other in same]
    return Resolution(
        words=int(first.words.sum()),
        utterances=len(first.ids),
        wer=float(first.errors.sum() / first.words.sum()),
        unpaired=_NORMAL * (median(apart) if apart else math.sqrt(2) * error),
        paired=_NORMAL * median(pairs) if pairs else None,
    )


def _standard_error(errors: NDArray[np.int64], words: NDArray[np.int64]) -> float:
    """Of Σ errors / Σ words over utterances, by the residuals of the ratio (the delta method)."""
    residuals = errors - errors.sum() / words.sum() * words
    count = len(residuals)
    return math.sqrt(float(residuals @ residuals) * count / max(count - 1, 1)) / float(words.sum())
