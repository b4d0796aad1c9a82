"""One manifest, read and looked at: what of it can be used, what cannot, and whether that is too much."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.rows import Row, read_manifest
from tune_asr.speech.survey.bad_rows import first_bad_rows
from tune_asr.speech.survey.inspection import Entry, inspect_rows
from tune_asr.speech.text.normalizer import TextNormalizer


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in one manifest."""

    path: Path
    num_rows: int
    entries: list[Entry]
    problems: list[Problem]

    def too_many(self, share: float) -> list[Problem]:
        """Say so where more than this share of the rows is bad."""
        if len(self.problems) <= share * self.num_rows:
            return []
        bad = f"{len(self.problems):,} of {self.num_rows:,} rows ({len(self.problems) / self.num_rows:.1%}) are bad"
        return [
            Problem(
                str(self.path),
                f"{bad}, but data.skip_bad drops at most data.max_bad_fraction, {share}",
                "mend them, or raise data.max_bad_fraction",
            )
        ]

    def check(self, skip_bad: float | None) -> None:
        """Make sure that what is bad may be dropped: `skip_bad` is as for `survey_manifests`.

        Raises:
            DataError: with the first rows that cannot be used.
        """
        faults = self.too_many(skip_bad) if skip_bad is not None else []
        if faults or (self.problems and skip_bad is None):
            raise DataError([*first_bad_rows(self.problems, may_skip=skip_bad is None), *faults])


def look_at(
    path: Path, found: tuple[list[Row], list[Problem]], normalizer: TextNormalizer, sample_rate: int, *, decode: bool
) -> Look:
    """Look at the recordings and texts of a manifest: `found` are its rows, as `read_manifest` gives them."""
    rows, bad_rows = found
    entries, unusable = inspect_rows(rows, normalizer, sample_rate, decode=decode)
    return Look(path, len(rows) + len(bad_rows), entries, bad_rows + unusable)


def read_all(*paths: Path) -> list[tuple[list[Row], list[Problem]]]:
    """Read every manifest.

    Raises:
        DataError: one cannot be read; it tells of all that cannot.
    """
    manifests = []
    problems: list[Problem] = []
    for path in paths:
        try:
            manifests.append(read_manifest(path))
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    return manifests
