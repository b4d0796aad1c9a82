"""A validation set for people without one: a share of the training manifest, held out for good.

Whether a row is held out is a function of what the row is, not of what stands around it: rows that are added or taken
away move no other row to the other side. The share is therefore met on average and not to the row.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tune_asr.errors import Problem
from tune_asr.speech.survey.inspection import Entry


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Which rows are held out.

    Attributes:
        share: of the speakers, texts or rows, in (0, 1).
        by: `speaker`: no speaker stands on both sides; `text`: no reference does; `random`: each row for itself.
    """

    share: float
    by: Literal["speaker", "text", "random"]

    def split(self, entries: Sequence[Entry], manifest: str) -> Division:
        """Divide the usable rows of a manifest. Rows without a speaker are a problem each where speakers divide."""
        unheard = [entry for entry in entries if entry.row.speaker is None] if self.by == "speaker" else []
        if unheard and len(unheard) == len(entries):
            what = f"{manifest} names no speakers, but data.val.by is speaker"
            return Division([], [], faults=[Problem("", what, "take data.val.by: text, which every manifest has")])
        usable = [entry for entry in entries if entry.row.speaker is not None] if unheard else entries
        positions = [(entry, _position(self._group(entry))) for entry in usable]
        train = [entry for entry, position in positions if position >= self.share]
        val = [entry for entry, position in positions if position < self.share]
        faults = [self._empty_side(positions, bool(train))] if positions and not (train and val) else []
        problems = [Problem(entry.row.place, "names no speaker, but data.val.by is speaker") for entry in unheard]
        return Division(train, val, problems, faults, self._told(positions, val))

    def _empty_side(self, positions: Sequence[tuple[Entry, float]], has_train: bool) -> Problem:
        """Say that nothing is left for one side, and what would leave something."""
        side = "validation" if has_train else "training"
        what = f"data.val.hold_out {self.share} by {self.by} leaves nothing for {side}"
        if len({position for _, position in positions}) == 1:
            one = "row" if self.by == "random" else self.by
            return Problem("", f"{what}: there is but one {one}", "take another data.val.by, or a manifest as data.val")
        if not has_train:
            return Problem("", what, "lower data.val.hold_out")
        least = math.ceil(1e4 * min(position for _, position in positions)) / 1e4
        return Problem("", what, f"from a hold_out of {least} on there is some")

    def _group(self, entry: Entry) -> str:
        match self.by:
            case "speaker":
                return str(entry.row.speaker)
            case "text":
                return entry.utterance.text
            case "random":
                return entry.row.identity

    def _told(self, positions: Sequence[tuple[Entry, float]], val: Sequence[Entry]) -> str:
        if not positions:
            return ""
        told = f"{len(val):,} of {len(positions):,} utterances of data.train are held out ({self.share} by {self.by}"
        if self.by == "random":
            return f"{told})"
        num_held, num_groups = (len(set(map(self._group, of))) for of in (val, (entry for entry, _ in positions)))
        return f"{told}: {num_held:,} of {num_groups:,} {self.by}s)"


@dataclass(frozen=True, slots=True)
class Division:
    """The two sides of a manifest, the rows on neither, and what is wrong with the whole."""

    train: list[Entry]
    val: list[Entry]
    problems: Iterable[Problem] = ()
    faults: Iterable[Problem] = ()
    told: str = ""


def _position(group: str) -> float:
    """Return a number in [0, 1) that is the group's for ever."""
    digest = hashlib.sha256(group.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:6]) / 2**48
