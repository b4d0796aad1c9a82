"""Manifest or recordings on the command line -> utterances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_asr.config.sections import Config
from tune_asr.corpus.sources import verify_manifest, verify_recordings
from tune_asr.errors import ConfigError, DataError, Problem
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.survey.report import bad_rows_lines, first_bad_rows

ENDINGS = frozenset(
    {
        *(".wav", ".flac", ".ogg", ".mp3", ".opus", ".oga", ".aif", ".aiff", ".aifc", ".caf", ".au", ".sph"),
        *(".w64", ".rf64", ".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".3gp", ".raw", ".pcm", ".gsm", ".vox"),
        *(".ape", ".wv", ".nist", ".wavex", ".snd", ".voc", ".8svx", ".svx", ".ircam", ".sf", ".htk", ".shn", ".tta"),
    }
)
"""Endings of recordings; those that cannot be read are refused as recordings, not as manifests."""
_OF_MANIFESTS = (".jsonl", ".json", ".tsv", ".csv", ".gz", "wav.scp")
_BY_NAME = "has no ending of a recording, so it counts as a manifest"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Utterances to decode."""

    utterances: tuple[Utterance, ...]
    bad_rows: tuple[Problem, ...]
    """Rows or recordings passed over under `data.skip_bad`."""
    speakers: Mapping[str, str]
    """Speakers by utterance, as far as rows name them."""

    def bad_lines(self) -> list[str]:
        """Return the bad rows for people; none without any."""
        return bad_rows_lines(self.bad_rows, dropped=True) if self.bad_rows else []


def manifest_of(paths: Sequence[Path], *, compares: bool = False) -> Path | None:
    """Return the manifest on the command line, None for recordings.

    Raises:
        ConfigError: there are several manifests, or a manifest beside recordings; or recordings are to be compared.
    """
    manifests = [path for path in paths if path.suffix.lower() not in ENDINGS or path.is_dir()]
    if not manifests:
        if compares:
            hint = "Give a manifest with their transcripts."
            raise ConfigError("--compare needs references, but recordings have none", hint=hint)
        return None
    if len(paths) > 1:
        # Of a name with an ending such as .xyz nothing is known.
        what = "is a manifest" if manifests[0].is_dir() or manifests[0].name.endswith(_OF_MANIFESTS) else _BY_NAME
        raise ConfigError(
            f"{manifests[0]} {what}, and one manifest is evaluated at a time",
            hint="Give it alone, or recordings alone.",
        )
    return manifests[0]


def read_rows(manifest: Path, config: Config, skip_bad: float | None) -> Inputs:
    """Read the utterances of a manifest, with references.

    Args:
        manifest: file or folder.
        config: configuration with the rules of texts and features.
        skip_bad: share of rows that may be bad and are passed over; None: none.

    Raises:
        DataError: it cannot be read, or rows cannot be used.
    """
    found = verify_manifest(config, manifest)
    found.check(skip_bad, is_fixed=True)
    if not found.entries:
        raise DataError(Problem(str(manifest), "no utterance is left to evaluate"))
    return Inputs(
        tuple(entry.utterance for entry in found.entries),
        tuple(found.bad_rows),
        {entry.utterance.id: entry.row.speaker for entry in found.entries if entry.row.speaker is not None},
    )


def read_recordings(paths: Sequence[Path], config: Config, skip_bad: float | None) -> Inputs:
    """Check recordings by their headers, in order.

    Raises:
        DataError: some cannot be used, and may not be passed over.
    """
    utterances, bad = verify_recordings(config, paths)
    require_few(bad, len(paths), skip_bad)
    return Inputs(tuple(utterances), tuple(bad), {})


def require_few(bad: Sequence[Problem], total: int, skip_bad: float | None) -> None:
    """Check that bad recordings may be passed over.

    Args:
        bad: bad ones so far.
        total: number of recordings.
        skip_bad: share of them that may be bad; None: none.

    Raises:
        DataError: there are too many.
    """
    if bad and (skip_bad is None or len(bad) > skip_bad * total):
        raise DataError(first_bad_rows(bad, may_skip=False))
