"""Files as lines: gzip, its limits, encodings."""

from __future__ import annotations

import gzip
import zlib

import pytest

from tune_asr.errors import DataError
from tune_asr.speech.manifest.lines import MAX_BLANK, MAX_LINE, MAX_UNPACKED
from tune_asr.speech.manifest.rows import read_manifest

ROW = b'{"audio_filepath": "a.wav", "text": "One."}\n'
TABLE = b"path,sentence\r\na.wav,One.\r\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl.gz", ROW), ("a.JSON.GZ", ROW), ("a.list.gz", ROW), ("a.csv.gz", TABLE), ("a.jsonl", ROW)],
)
def test_gzip_is_read_as_its_content(tmp_path, name, content):
    """Its magic number decides, not `.gz`."""
    (tmp_path / name).write_bytes(gzip.compress(content))
    [row], problems = read_manifest(tmp_path / name)
    assert (row.text, row.audio, problems) == ("One.", tmp_path / "a.wav", [])


def test_unpacked_file_may_end_in_gz(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(ROW)
    assert len(read_manifest(tmp_path / "a.jsonl.gz")[0]) == 1


def test_damaged_gzip_is_refused(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    packed = gzip.compress(b"".join(ROW.replace(b"One", str(n).encode()) for n in range(2000)))
    for content in (packed[:-9], packed[: len(packed) // 2], packed[:40] + b"????" + packed[44:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.jsonl\.gz: is damaged gzip, or ends early\n    Pack or copy it again"):
            read_manifest(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_long_line_is_refused(tmp_path, pack):
    (tmp_path / "a.jsonl").write_bytes(pack(ROW + b"[" * (MAX_LINE + 1) + b"\n" + ROW))
    with pytest.raises(DataError, match=r"a\.jsonl:2: the line is longer than 1,000,000 bytes") as error:
        read_manifest(tmp_path / "a.jsonl")
    assert error.value.exit_code == 3


def test_bomb_is_refused(tmp_path):
    """A file of a megabyte that unpacks to a thousand."""
    packer = zlib.compressobj(9, wbits=31)
    member = packer.compress(b" " * 10_000_000) + packer.flush()
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(ROW) + member * (MAX_UNPACKED // 10_000_000 + 1))
    assert path.stat().st_size < 2_000_000
    with pytest.raises(DataError, match=r"bytes of gzip unpack to more than 1,000,000,000, over 100 times as many"):
        read_manifest(path)


def test_blank_lines_without_end_are_refused(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(ROW + b"\n" * (MAX_BLANK + 1)))
    with pytest.raises(DataError, match=r"a\.jsonl:1000002: over 1,000,000 bytes of blank lines"):
        read_manifest(tmp_path / "a.jsonl")


def test_blank_lines_of_gzip_are_no_bomb(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(gzip.compress(ROW + b"\n" * 100_000))
    assert len(read_manifest(tmp_path / "a.jsonl")[0]) == 1
