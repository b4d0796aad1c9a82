"""Files that a flag names for output."""

import os
import re

import pytest

from tune_asr.errors import ConfigError
from tune_asr.storage.outputs import clear_output

KIND = re.compile(rb'\{"id": ')


@pytest.mark.parametrize("earlier", [None, b"", b'{"id": "u1"}\n'])
def test_earlier_output_is_removed(tmp_path, earlier):
    path = tmp_path / "it.jsonl"
    if earlier is not None:
        path.write_bytes(earlier)
    clear_output(path, KIND, "--output")
    assert not path.exists()


@pytest.mark.parametrize("content", [b"RIFF\x00\x01", b'{"audio_filepath": "a.wav"}\n', b"PK\x03\x04"])
def test_other_files_are_kept(tmp_path, content):
    """Links to them too."""
    (tmp_path / "mine").write_bytes(content)
    (tmp_path / "link").symlink_to("mine")
    for name in ("mine", "link"):
        with pytest.raises(ConfigError, match="it is not overwritten\n    Name a new file"):
            clear_output(tmp_path / name, KIND, "--output")
    assert (tmp_path / "link").read_bytes() == content


def test_fifo_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a file"):
        clear_output(tmp_path / "pipe", KIND, "--output")
