"""Files that are no audio, or audio of another kind, by their first bytes."""

from __future__ import annotations

import json

CONVERT = "only WAV, AIFF, CAF, FLAC, OGG and MP3 are read"
_HEADERLESS = (".raw", ".pcm", ".gsm", ".vox", ".ul", ".ulaw", ".al", ".alaw", ".s16", ".sw")
_FOREIGN = (
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "WMA"),
    (0, b"#!AMR", "AMR"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"TTA1", "TTA"),
    (0, b"ajkg", "Shorten"),
    (0, b".RMF", "RealAudio"),
    (0, b"FLV\x01", "FLV"),
    (0, b"DSD ", "DSD"),
    (0, b"ADIF", "AAC"),
    (4, b"ftyp", "M4A (AAC) or MP4"),
    (8, b"AVI ", "AVI"),
)
_OTHER = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x93NUMPY", "an array of NumPy"),
)
_ENDINGS = {
    "WebM or Matroska": "webm",
    "M4A (AAC) or MP4": "m4a",
    "WavPack": "wv",
    "Monkey's Audio": "ape",
    "Shorten": "shn",
    "RealAudio": "rm",
    "DSD": "dsf",
    "SVX": "8svx",
    "IRCAM": "sf",
    "MAT4": "mat4",
    "MAT5": "mat5",
}
_SEEN = 512


def foreign_kind(head: bytes) -> tuple[str, str] | None:
    """Return why a file is unreadable, and a hint.

    Args:
        head: the first 512 bytes or more.
    """
    if head.startswith(b"NIST_1A"):
        hint = (
            "Convert it, for example: sph2pipe -f wav IN.sph OUT.wav (or sox IN.sph OUT.wav, if it is not compressed)"
        )
        return f"is NIST SPHERE: {CONVERT}", hint
    for place, magic, name in _FOREIGN:
        if head[place : place + len(magic)] == magic:
            return f"is {name}: {CONVERT}", _example(name)
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0:
        return f"is AAC: {CONVERT}", _example("AAC")
    for magic, name in _OTHER:
        if head.startswith(magic):
            return f"is no audio ({name})", ""
    return _text(head[:_SEEN])


def other_container(kind: str) -> tuple[str, str]:
    """Return why a container is not read, and a hint."""
    ending = _ENDINGS.get(kind, kind.lower())
    return f"is {kind}: {CONVERT}", f"Convert it, for example: sox IN.{ending} OUT.wav"


def unknown_kind(ending: str, reason: str) -> tuple[str, str]:
    """Return why nothing recognises a file, and a hint.

    Args:
        ending: of its name, with the dot.
        reason: message of libsndfile.
    """
    if ending.lower() in _HEADERLESS and "not recognised" in reason:
        hint = f"Add one, for example: sox -t raw -r 16000 -e signed -b 16 -c 1 IN{ending} OUT.wav"
        return "holds samples without a header, so their rate is unknown", hint
    if "nternal error" in reason:  # words for programmers
        reason = "its header contradicts itself"
    return f"cannot be read as audio ({reason.rstrip('.')})", ""


def _example(name: str) -> str:
    ending = _ENDINGS.get(name, name.lower())
    return f"Convert it, for example: ffmpeg -i IN.{ending} OUT.flac"


def _text(head: bytes) -> tuple[str, str] | None:
    """Recognise text, such as the page of an error."""
    if b"\0" in head:
        return None
    try:
        text = head.decode("utf-8-sig", errors="strict" if len(head) < _SEEN else "ignore").strip()
    except UnicodeDecodeError:
        return None
    if not text or not all(c.isprintable() or c.isspace() for c in text):
        return None
    start = text[:200].lower()
    if start.startswith("version https://git-lfs"):
        return "is no audio (the pointer of Git LFS to a file)", "Fetch it by git lfs pull."
    if "<html" in start or start.startswith("<!doctype html"):
        return "is no audio (HTML)", "A server sent a page instead of the recording; fetch it again."
    if start.startswith("<"):
        return "is no audio (XML)", ""
    if start[:1] in "{[" and _is_json(text):
        return "is no audio (JSON)", ""
    return f"is no audio (text: {text[:40].splitlines()[0]!r})", ""


def _is_json(text: str) -> bool:
    """Return True if a value begins the text."""
    try:
        json.JSONDecoder().raw_decode(text)
    except ValueError:
        return len(text) > _SEEN // 2
    return True
