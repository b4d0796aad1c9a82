"""Errors of a disk, wherever they come from."""

from pathlib import Path

import pytest

from tune_asr.errors import StorageError
from tune_asr.storage.errors import disk_errors


def test_error_below_the_folder_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="file/below: cannot be used: Not a directory"), disk_errors(tmp_path):
        (tmp_path / "file" / "below").read_bytes()


def test_error_elsewhere_is_passed_on(tmp_path):
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path / "results"):
        (tmp_path / "elsewhere").read_bytes()
    with pytest.raises(ConnectionError), disk_errors(Path("/")):
        raise ConnectionError("the network, which has no file")
