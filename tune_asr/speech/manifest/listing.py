"""One manifest or several, as `data.train`, `data.val` and `data.test` name them.

Ids that stand in several manifests get the name of theirs, `train:u1`, so the order of the manifests renames no row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from tune_asr.errors import DataError, Problem
from tune_asr.speech.manifest.directories import listing_files
from tune_asr.speech.manifest.formats import json_lines
from tune_asr.speech.manifest.kaldi import Placed
from tune_asr.speech.manifest.lhotse import utterance
from tune_asr.speech.manifest.lines import Mistakes, read_lines
from tune_asr.speech.manifest.rows import Row, check_file, make_rows, problems_of, read_manifest


@dataclass(frozen=True, slots=True)
class Pair:
    """Recordings and supervisions of lhotse, a manifest together."""

    recordings: Path
    supervisions: Path

    def __str__(self) -> str:
        return str(self.supervisions)


Manifest: TypeAlias = Path | Pair
Listing: TypeAlias = Manifest | tuple[Manifest, ...]
"""A file, a folder or a pair; or several of them."""
Found: TypeAlias = tuple[list[Row], list[Problem]]


def read_listing(listing: Listing, rules: int = 2) -> Found:
    """Read the good rows of manifests, and all problems.

    Args:
        listing: manifests; ids are unique in all of them.
        rules: `text.rules`.

    Raises:
        DataError: some of them cannot be read, or one is listed twice.
    """
    if not isinstance(listing, tuple):
        return _read(listing, rules)
    found: list[Found] = []
    wrong = [Problem(str(one), "is listed twice", "Name each manifest once.") for one in _repeated(listing)]
    for manifest in listing:
        try:
            found.append(_read(manifest, rules))
        except DataError as error:
            wrong += error.problems
    if wrong:
        raise DataError(wrong)
    rows = _with_unique_ids([rows for rows, _ in found], _names(listing))
    return rows, [problem for _, problems in found for problem in problems]


def name_of(listing: Listing) -> str:
    """Return a path for messages, with the number of others."""
    if not isinstance(listing, tuple):
        return str(listing)
    others = len(listing) - 1
    return f"{listing[0]} and {others} more" if others else str(listing[0])


def files_of(listing: Listing) -> list[Path]:
    """Return all files of the manifests."""
    if isinstance(listing, tuple):
        return [file for manifest in listing for file in files_of(manifest)]
    return [listing.recordings, listing.supervisions] if isinstance(listing, Pair) else listing_files(listing)


def paths_of(listing: Listing) -> list[Path]:
    """Return the paths that name the manifests."""
    if isinstance(listing, tuple):
        return [path for manifest in listing for path in paths_of(manifest)]
    return [listing.recordings, listing.supervisions] if isinstance(listing, Pair) else [listing]


def _read(manifest: Manifest, rules: int) -> Found:
    if isinstance(manifest, Path):
        return read_manifest(manifest, rules)
    mistakes: Mistakes = []
    rows = make_rows(_utterances(manifest, rules, mistakes), mistakes, rules)
    if not rows and not mistakes:
        raise DataError(Problem(str(manifest), "the manifest holds no rows", "Write a supervision for each utterance."))
    return rows, problems_of(mistakes)


def _utterances(pair: Pair, rules: int, mistakes: Mistakes) -> Iterator[tuple[Path, Placed]]:
    """Yield records of a pair with the recordings' folder."""
    for path in (pair.recordings, pair.supervisions):
        check_file(path)
    recordings = {}
    for number, record in json_lines(pair.recordings, read_lines(pair.recordings, mistakes), mistakes, rules=rules):
        place = (str(pair.recordings), number)
        name = record.get("id")
        if not isinstance(name, str) or not isinstance(record.get("sources"), list):
            mistakes.append((place, "not a recording of lhotse, with an id and sources"))
        elif name in recordings:
            mistakes.append((place, f"recording {name!r} is repeated"))
        else:
            recordings[name] = record
    for number, record in json_lines(pair.supervisions, read_lines(pair.supervisions, mistakes), mistakes, rules=rules):
        place = (str(pair.supervisions), number)
        recording = recordings.get(str(record.get("recording_id")))
        if recording is None:
            what = f"its recording {record.get('recording_id')!r} is not in {pair.recordings.name}"
            mistakes.append((place, what))
        elif isinstance(result := utterance(record, recording), str):
            mistakes.append((place, result))
        else:
            yield pair.recordings.parent, Placed(place, result)


def _repeated(listing: Sequence[Manifest]) -> list[Manifest]:
    return [manifest for manifest, number in Counter(listing).items() if number > 1]


def _names(listing: Sequence[Manifest]) -> list[str]:
    """Return the shortest ends of paths that differ."""
    paths = [Path(str(manifest)) for manifest in listing]
    parts = [(*path.parts[:-1], path.name.partition(".")[0] or path.name) for path in paths]
    ends = [["/".join(part[-depth:]) for part in parts] for depth in range(1, max(map(len, parts)) + 1)]
    for names in (ends[0], [path.name for path in paths], *ends[1:]):
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _with_unique_ids(of_manifests: Sequence[list[Row]], names: Sequence[str]) -> list[Row]:
    """Put the manifest's name before the ids that several have."""
    numbers = Counter(row.id for rows in of_manifests for row in rows)
    taken = {row_id for row_id, number in numbers.items() if number == 1}
    unique = []
    for rows, name in zip(of_manifests, names, strict=True):
        for row in rows:
            if numbers[row.id] > 1:
                row_id = f"{name}:{row.id}"
                while row_id in taken:
                    row_id += "#2"
                taken.add(row_id)
                row = replace(row, id=row_id)
            unique.append(row)
    return unique
