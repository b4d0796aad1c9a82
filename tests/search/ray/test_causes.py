"""Causes read from error files captured from Ray Tune 2.60."""

from pathlib import Path

import pytest

from tune_asr.search.ray.causes import read_cause

ERRORS = Path(__file__).with_name("errors")


@pytest.mark.parametrize(
    ("name", "cause", "raised"),
    [
        ("killed", "its process died (killed, crashed or out of memory)", False),
        (
            "out_of_memory",
            "out of memory: its process was killed: lower data.batch_size or run fewer trials at once",
            False,
        ),
        ("raised", "ValueError: width must be even: at /home/user/users.py:2", True),
        ("none", "its process ended without a word", False),
    ],
)
def test_cause_of_captured_error(name, cause, raised):
    assert read_cause(str(ERRORS / f"{name}.txt")) == (cause, raised)


def test_cause_without_error_file():
    assert read_cause(None) == ("its process ended without a word", False)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_cause_of_empty_error_file(tmp_path, text):
    (tmp_path / "error.txt").write_text(text)
    assert read_cause(str(tmp_path / "error.txt")) == ("its process ended without a word", False)


def test_cause_is_first_line_of_exception(tmp_path):
    """Long messages are cut; the place is outside of packages."""
    frames = (
        '  File "/home/user/own.py", line 7, in fit\n  File "/usr/lib/python3.11/json/decoder.py", line 1, in decode\n'
    )
    (tmp_path / "error.txt").write_text(f"Failure # 1\n{frames}    raise error\nValueError: {'x' * 600}\n  more\n")
    cause = read_cause(str(tmp_path / "error.txt"))
    assert cause == (f"ValueError: {'x' * 488} at /home/user/own.py:7", True)
