"""Names of a manifest's fields in other toolkits.

Case does not count. Two names for one field must have the same value, or the row is ambiguous.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

Record: TypeAlias = Mapping[str, Any]

# Our name, from NeMo, then those of WeNet, Common Voice, Hugging Face, lhotse and Kaldi.
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
    # Not start_time and the like: a time of day, or a place in an earlier, longer recording.
    "offset": ("start", "begin"),
    "end": ("stop",),
    "id": ("key", "utt", "utt_id", "utterance_id"),
    "speaker": ("speaker_id", "client_id", "spk", "spk_id"),
    "channel": (),
}
# Names of DeepSpeech and SpeechBrain, read only if no name above stands for the field: "words" may be their number.
FALLBACKS: Mapping[str, tuple[str, ...]] = {"audio_filepath": ("wav_filename",), "text": ("wrd", "words")}
REQUIRED = ("audio_filepath", "text")
NUMBERS = frozenset({"duration", "offset", "end"})
_FIELDS = {alias: name for name, aliases in ALIASES.items() for alias in (name, *aliases)}


@lru_cache(maxsize=256)
def field_names(keys: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of each of our fields among `keys`.

    Unknown keys are left out.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key in keys:
        if field := _FIELDS.get(key.strip().lower()):
            found[field] = (*found.get(field, ()), key)
    for field, names in FALLBACKS.items():
        others = tuple(key for key in keys if key.strip().lower() in names)
        if field not in found and others:
            found[field] = others
    return found


def missing_fields(keys: Collection[str]) -> Iterator[str]:
    """Yield a phrase for each missing required field.

    It quotes the nearest key, or all keys, and the possible names.
    """
    names = field_names(tuple(keys))
    for field in REQUIRED:
        if field not in names:
            near = next(iter(difflib.get_close_matches(field, keys, n=1)), "")
            there = f"there are: {', '.join(keys)}" if keys else "there is none"
            found = f'is it "{near}"?' if near else there
            *names_of_it, last = (field, *ALIASES[field], *FALLBACKS[field])
            yield f'"{field}" is missing ({found}); possible names: {", ".join(names_of_it)} or {last}'


def conflict(names: Collection[str]) -> str:
    """Return a sentence on several names of one field."""
    quoted = (f'"{name}"' for name in names)
    return f"{' and '.join(quoted)} name the same field; keep one of them"


def under_our_names(record: Record) -> tuple[Record, list[str]]:
    """Return fields of `record` by our names, and conflicts."""
    fields, conflicts = {}, []
    for field, names in field_names(tuple(record)).items():
        if any(record[name] != record[names[0]] for name in names[1:]):
            conflicts.append(conflict(names))
        fields[field] = record[names[0]]
    return fields, conflicts
