"""Files of a submitted Ray job: none may lie in Ray's copy of the working directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tune_asr.config.key_paths import paths_in
from tune_asr.config.keys import facts
from tune_asr.config.sections import Config
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.survey.survey import Survey
from tune_asr.storage.job_copy import job_copy, require_outside

_HINT = "Put the data on storage that every node mounts, and give absolute paths."


def require_files_outside(config: Config) -> None:
    """Refuse files of a configuration that Ray removes.

    Raises:
        ConfigError: a path lies in Ray's copy of the working directory.
    """
    require_outside(_paths(config), _HINT)


def require_recordings_outside(found: Survey) -> None:
    """Refuse recordings that Ray removes.

    Raises:
        ConfigError: the first one that lies in Ray's copy of the working directory.
    """
    if job_copy(Path.cwd()) is None:
        return
    utterances = (*found.corpus.train, *found.corpus.val)
    paths = {utterance.audio.path: None for utterance in utterances if isinstance(utterance.audio, FileAudio)}
    for path in paths:  # one by one: a message for each of a large corpus would bury the rule
        require_outside([("recording", Path(path))], _HINT)


def _paths(config: Config) -> Iterator[tuple[str, Path]]:
    for name, section in config.model_dump().items():
        for key, value in section.items() if isinstance(section, dict) else ():
            if facts(f"{name}.{key}").is_path:
                yield from ((f"{name}.{key}", Path(path)) for path in paths_in(value))
