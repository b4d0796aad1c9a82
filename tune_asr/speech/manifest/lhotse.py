"""Cuts of lhotse, or its recordings and supervisions -> records.

Every supervision is an utterance. Of the sources of a recording only files are read: commands, addresses, samples in
the manifest, mixed cuts, and recordings with transforms are mistakes, and nothing is run or fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from tune_asr.speech.manifest.fields import Record, field_names
from tune_asr.speech.manifest.spans import is_number
from tune_asr.speech.manifest.values import shown

Result: TypeAlias = Record | str
"""Record of an utterance, or a mistake."""

_SAVE = "save its audio with lhotse's save_audios, and use the cuts that it returns"
_PLAIN_CUTS = ("MonoCut", "MultiCut", "Cut")
_MADE_CUTS = ("MixedCut", "PaddingCut")
_MICROSECONDS = 6


def is_cut(record: Record) -> bool:
    """Recognise a cut of lhotse."""
    return isinstance(record.get("supervisions"), list) or record.get("type") in (*_PLAIN_CUTS, *_MADE_CUTS)


def part_of_pair(record: Record) -> str:
    """Return the half of lhotse's pair with this record."""
    if isinstance(record.get("sources"), list) and "text" not in record:
        return "recordings"
    return "supervisions" if "recording_id" in record and "audio_filepath" not in field_names(tuple(record)) else ""


def utterances_of(cut: Record) -> Iterator[Result]:
    """Yield the utterances of a cut, or mistakes."""
    name = f"cut {shown(cut.get('id'))}"
    kind = cut.get("type", _PLAIN_CUTS[0])
    recording, supervisions, start = cut.get("recording"), cut.get("supervisions"), cut.get("start", 0)
    if kind not in _PLAIN_CUTS:
        yield f"{name} is a {kind}, which is made of others and not read; {_SAVE}"
    elif not isinstance(recording, Mapping):
        yield f"{name} has no recording; features alone are not read"
    elif not is_number(start):
        yield f'"start" of {name} is {shown(start)}, but must be a number of seconds'
    elif not isinstance(supervisions, list) or not supervisions:
        yield f"{name} has no supervision, and so no text"
    else:
        for supervision in supervisions:
            yield utterance(supervision, recording, start=start, channel=cut.get("channel"))


def utterance(supervision: object, recording: Record, *, start: float = 0, channel: object = None) -> Result:
    """Return the record of a supervision, or its mistake.

    Args:
        supervision: its start is relative to the cut.
        recording: recording of it.
        start: start of the cut, in seconds.
        channel: channel of the cut, for a supervision without one.
    """
    if not isinstance(supervision, Mapping):
        return f"the supervision is {shown(supervision)}, but must be an object"
    name = f"supervision {shown(supervision.get('id'))}"
    begin, duration = supervision.get("start", 0), supervision.get("duration")
    for key, value in (("start", begin), ("duration", duration)):
        if not is_number(value):
            return f'"{key}" of {name} is {shown(value)}, but must be a number of seconds'
    source = _source(recording, supervision.get("channel", channel))
    if isinstance(source, str):
        return source
    return {
        "id": supervision.get("id"),
        "audio_filepath": source[0],
        "text": supervision.get("text"),
        "offset": round(start + begin, _MICROSECONDS),
        "duration": duration,
        "speaker": supervision.get("speaker"),
        "channel": source[1],
    }


def _source(recording: Record, channel: object) -> tuple[str, int | None] | str:
    """Return file and place of a channel, or a mistake.

    The place is None if all channels of the file are meant.
    """
    name = f"recording {shown(recording.get('id'))}"
    if recording.get("transforms"):
        return f"{name} has transforms, such as a change of speed, which are not applied; {_SAVE}"
    sources = recording.get("sources")
    if not isinstance(sources, list) or not sources or not all(isinstance(source, Mapping) for source in sources):
        return f"{name} has no sources"
    for source in sources:
        if source.get("type") != "file":
            kind = shown(source.get("type"))
            return f"{name} comes from a source of type {kind}, and only files are read; {_SAVE}"
        if not isinstance(source.get("source"), str):
            return f"{name} has a source without a file"
    channels = channel if channel and isinstance(channel, list) else [channel]
    if len(sources) == 1 and (channel is None or _same(channels, sources[0].get("channels"))):
        return sources[0]["source"], None
    if len(channels) > 1:
        return f"{name}: channels {shown(channels)} are some of several; give each its own supervision"
    for source in sources:
        in_file = source.get("channels", [0])
        if isinstance(in_file, list) and channels[0] in in_file:
            return source["source"], in_file.index(channels[0]) if len(in_file) > 1 else None
    return f"{name} has no channel {shown(channels[0])}"


def _same(channels: list[object], others: object) -> bool:
    return isinstance(others, list) and sorted(map(str, channels)) == sorted(map(str, others))
