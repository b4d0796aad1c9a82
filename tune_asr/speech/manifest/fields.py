"""What a field of a manifest is called by other toolkits: one table for JSONL, CSV and TSV.

Case does not count. Two names for one field are a mistake where they say different things: nobody could tell which of
them was meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

Record: TypeAlias = Mapping[str, Any]

# Our name, which is NeMo's, then those of WeNet, Common Voice, Hugging Face's datasets and audiofolder, lhotse, Kaldi.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "audio_filepath": (
        "audio_filename",
        "audio_path",
        "audio",
        "path",
        "file",
        "file_name",
        "filename",
        "wav",
        "wav_path",
        "recording",
    ),
    "text": ("sentence", "transcription", "transcript", "txt"),
    "duration": ("dur",),
    # Not start_time and its like: a clock's time, or where the utterance stood before it was cut out.
    "offset": ("start", "begin"),
    "end": ("stop",),
    "id": ("key", "utt", "utt_id", "utterance_id"),
    "speaker": ("speaker_id", "client_id", "spk", "spk_id"),
}
REQUIRED = ("audio_filepath", "text")
NUMBERS = frozenset({"duration", "offset", "end"})
_FIELDS = {alias: name for name, aliases in ALIASES.items() for alias in (name, *aliases)}


@lru_cache(maxsize=256)
def field_names(keys: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return, for each of our fields, the names among `keys` that stand for it; keys that mean nothing are left out."""
    found: dict[str, tuple[str, ...]] = {}
    for key in keys:
        if field := _FIELDS.get(key.strip().lower()):
            found[field] = (*found.get(field, ()), key)
    return found


def missing_fields(keys: Collection[str]) -> Iterator[str]:
    """Yield a phrase for each required field that `keys` lacks: which key was meant, or all; what it may be called."""
    names = field_names(tuple(keys))
    for field in REQUIRED:
        if field not in names:
            near = next(iter(difflib.get_close_matches(field, keys, n=1)), "")
            there = f"there are: {', '.join(keys)}" if keys else "there is none"
            found = f'is it "{near}"?' if near else there
            *names_of_it, last = (field, *ALIASES[field])
            yield f'"{field}" is missing ({found}); it may be called {", ".join(names_of_it)} or {last}'


def conflict(names: Collection[str]) -> str:
    """Return the sentence on several names that stand for one field."""
    quoted = (f'"{name}"' for name in names)
    return f"{' and '.join(quoted)} stand for the same field: keep one of them"


def under_our_names(record: Record) -> tuple[dict[str, Any], list[str]]:
    """Return the fields of `record` by our names, and what is wrong where two names contradict each other."""
    fields, conflicts = {}, []
    for field, names in field_names(tuple(record)).items():
        if any(record[name] != record[names[0]] for name in names[1:]):
            conflicts.append(conflict(names))
        fields[field] = record[names[0]]
    return fields, conflicts
