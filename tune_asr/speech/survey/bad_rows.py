"""Rows told so that a person reads them: the first few, and how many more."""

from __future__ import annotations

from collections.abc import Sequence

from tune_asr.errors import Problem

LONGEST_LIST = 20


def more_than_listed(number: int) -> str:
    """Say how many of so many are not in a list of the first `LONGEST_LIST`: "" where all are."""
    return f"... and {number - LONGEST_LIST:,} more" if number > LONGEST_LIST else ""


def first_places(places: Sequence[str]) -> list[str]:
    """Return the first of `places`, a line each, and how many more there are: they follow a colon."""
    more = more_than_listed(len(places))
    return [line for line in (*places[:LONGEST_LIST], more) if line]


def first_bad_rows(problems: Sequence[Problem], *, may_skip: bool) -> list[Problem]:
    """Return what an error says of bad rows: the first of them, how many more there are, and the ways out.

    Args:
        problems: a bad row each.
        may_skip: whether `data.skip_bad` is a way out; where it is set already, somebody else says what is.
    """
    told = list(problems[:LONGEST_LIST])
    if more := more_than_listed(len(problems)):
        told.append(Problem("", more))
    if problems and may_skip:
        what, them = (f"{len(problems):,} bad rows in all", "them") if len(problems) > 1 else ("1 bad row", "it")
        hint = f"mend {them}; or drop {them} by data.skip_bad: true, up to data.max_bad_fraction of a manifest"
        told.append(Problem("", what, hint))
    return told
