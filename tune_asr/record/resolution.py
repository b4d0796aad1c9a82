"""Smallest difference of error rates that scored utterances can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tune_asr.record.utterances import Utterances
from tune_asr.scoring.ruler import NORMAL
from tune_asr.scoring.spread import standard_error
from tune_asr.wording import count


@dataclass(frozen=True, slots=True)
class Resolution:
    """Smallest significant difference at 95 %, near the rate `wer`."""

    words: int
    utterances: int
    wer: float
    unpaired: float
    """Difference of two settings by their totals."""
    paired: float | None
    """Difference of two settings compared utterance by utterance; None without a second setting to measure it."""

    def __str__(self) -> str:
        # If the settings err on different utterances, pairing gains nothing.
        is_finer = self.paired is not None and self.paired < self.unpaired
        paired = f"; {100 * self.paired:.1f} when paired" if self.paired is not None and is_finer else ""
        return (
            f"Resolution of {count(self.words, 'word')} in {count(self.utterances, 'utterance')}: near WER "
            f"{self.wer:.2f}, settings closer than {100 * self.unpaired:.1f} points cannot be told apart{paired}."
        )


def resolution(first: Utterances, others: Sequence[Utterances]) -> Resolution | None:
    """Estimate the resolution of the data near a setting.

    Args:
        first: utterances of the first setting, with words.
        others: utterances of settings near it. Those scored on the same utterances are paired with it.

    Returns:
        None if the first has no spread: one utterance, or the same rate in all.
    """
    error = standard_error(first.errors, first.words)
    if len(first.ids) < 2 or math.isclose(error, 0, abs_tol=1e-12):
        return None
    same = [other for other in others if other.ids == first.ids]
    # Both estimates use the same pairs, since a setting with more errors spreads more, paired or not.
    apart = [math.hypot(error, standard_error(other.errors, other.words)) for other in same]
    pairs = [standard_error(first.errors - other.errors, first.words) for other in same]
    return Resolution(
        words=int(first.words.sum()),
        utterances=len(first.ids),
        wer=float(first.errors.sum() / first.words.sum()),
        unpaired=NORMAL * (median(apart) if apart else math.sqrt(2) * error),
        paired=NORMAL * median(pairs) if pairs else None,
    )
