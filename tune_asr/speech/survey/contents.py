"""Hash of a manifest's contents, wherever it and its recordings lie."""

from __future__ import annotations

from collections.abc import Sequence

from tune_asr.speech.corpus import fingerprint
from tune_asr.speech.manifest.rows import Row
from tune_asr.speech.text.normalizer import TextNormalizer
from tune_asr.storage.files import content_sample, reason_unusable


def contents_fingerprint(rows: Sequence[Row], normalizer: TextNormalizer) -> str | None:
    """Hash references and recordings, in any order.

    Names and paths do not count, so a copy has the same hash.

    Args:
        rows: good rows of a manifest.
        normalizer: maker of the references.

    Returns:
        Hexadecimal hash; None if a recording cannot be read.
    """
    contents: dict[object, str] = {}
    try:
        for path in {row.audio for row in rows}:
            if reason_unusable(path):
                return None
            contents[path] = content_sample(path)
    except OSError:
        return None
    return fingerprint(sorted([normalizer(row.text), contents[row.audio], *_part(row)] for row in rows))


def _part(row: Row) -> list[float]:
    part = [row.offset or 0, row.duration or 0]
    return part if row.channel is None else [*part, row.channel]
