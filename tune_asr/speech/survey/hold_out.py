"""Validation rows held out of the training manifest.

A hash of the row alone decides, so added or removed rows move no other row to the other side. The share is
therefore met on average, not exactly.
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
    """Rule for holding out rows."""

    share: float
    """Share of the speakers, texts or rows, in (0, 1)."""
    by: Literal["speaker", "text", "random"]
    """Unit that is never on both sides: all rows of a speaker, all of a text, or each row alone."""

    def split(self, entries: Sequence[Entry], manifest: str) -> Division:
        """Divide the usable rows of a manifest.

        Args:
            entries: rows; without a speaker they are bad if `by` is speaker.
            manifest: name of the file, for messages.
        """
        nameless = [entry for entry in entries if entry.row.speaker is None] if self.by == "speaker" else []
        if nameless and len(nameless) == len(entries):
            what = f"{manifest} names no speakers, but data.val.by is speaker"
            return Division([], [], problems=[Problem("", what, "Set data.val.by: text, which every manifest has.")])
        usable = [entry for entry in entries if entry.row.speaker is not None] if nameless else entries
        positions = [(entry, _position(self._group(entry))) for entry in usable]
        train = [entry for entry, position in positions if position >= self.share]
        val = [entry for entry, position in positions if position < self.share]
        problems = [self._empty_side(positions, bool(train))] if positions and not (train and val) else []
        bad_rows = [Problem(entry.row.place, "names no speaker, but data.val.by is speaker") for entry in nameless]
        return Division(train, val, bad_rows, problems, self._summary(positions, val))

    def _empty_side(self, positions: Sequence[tuple[Entry, float]], has_train: bool) -> Problem:
        """Return a problem for a side without rows."""
        side = "validation" if has_train else "training"
        what = f"data.val.hold_out {self.share} by {self.by} leaves nothing for {side}"
        if len({position for _, position in positions}) == 1:
            one = "row" if self.by == "random" else self.by
            return Problem(
                "", f"{what}: there is but one {one}", "Choose another data.val.by, or a manifest as data.val."
            )
        if not has_train:
            return Problem("", what, "Lower data.val.hold_out.")
        least = math.ceil(1e4 * min(position for _, position in positions)) / 1e4
        return Problem("", what, f"Raise data.val.hold_out to {least} or more.")

    def _group(self, entry: Entry) -> str:
        match self.by:
            case "speaker":
                return str(entry.row.speaker)
            case "text":
                return entry.utterance.text
            case "random":
                return entry.row.identity

    def _summary(self, positions: Sequence[tuple[Entry, float]], val: Sequence[Entry]) -> str:
        if not positions:
            return ""
        rows = f"{len(val):,} of {len(positions):,} utterances of data.train are held out ({self.share} by {self.by}"
        if self.by == "random":
            return f"{rows})"
        num_held, num_groups = (len(set(map(self._group, of))) for of in (val, (entry for entry, _ in positions)))
        return f"{rows}: {num_held:,} of {num_groups:,} {self.by}s)"


@dataclass(frozen=True, slots=True)
class Division:
    """Two sides of a manifest."""

    train: list[Entry]
    val: list[Entry]
    bad_rows: Iterable[Problem] = ()
    """Rows that belong to neither side."""
    problems: Iterable[Problem] = ()
    """Mistakes of the whole, such as an empty side."""
    summary: str = ""
    """Sentence for the report."""


def _position(group: str) -> float:
    """Hash a group to a number in [0, 1)."""
    digest = hashlib.sha256(group.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:6]) / 2**48
