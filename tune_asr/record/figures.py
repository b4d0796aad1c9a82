"""Recorded figures of one epoch."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tune_asr.record.events import WordCounts
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.scoring.scores import Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one epoch in a ledger or a checkpoint."""

    epoch: int
    scores: Scores
    counts: WordCounts
    """Empty if the record is a checkpoint, which has none."""

    def difference(self, found: ErrorCounts) -> str:
        """Name the figures unlike these counts."""
        pairs = {"val_wer": (self.scores.val_wer, found.wer), "val_cer": (self.scores.val_cer, found.cer)}
        pairs |= {f.name: (getattr(self.counts, f.name), getattr(found, f.name)) for f in fields(WordCounts)}
        return ", ".join(
            f"{name} is {recorded} on record and {now} now"
            for name, (recorded, now) in pairs.items()
            if recorded is not None and recorded != now
        )
