"""Causes read from error files captured from Ray Tune 2.60."""

from pathlib import Path

import pytest
from ray.exceptions import ActorUnschedulableError, RuntimeEnvSetupError

from tune_asr.search.deaths import Fault
from tune_asr.search.ray.causes import read_cause

ERRORS = Path(__file__).with_name("errors")


@pytest.mark.parametrize(
    ("name", "cause", "fault"),
    [
        ("killed", "its process died (killed, crashed or out of memory)", Fault.DEATH),
        (
            "out_of_memory",
            "out of memory: its process was killed: lower data.batch_size or run fewer trials at once",
            Fault.DEATH,
        ),
        ("raised", "ValueError: width must be even: at /home/user/users.py:2", Fault.EXCEPTION),
        (
            "never_ran",
            "Ray never started its process: all references to the actor were removed including lineage ref count.",
            Fault.RAY,
        ),
        (
            "node_died",
            "its node was lost (on 192.0.2.2): health check failed due to missing too many heartbeats",
            Fault.RAY,
        ),
        (
            "out_of_reach",
            "its process cannot be reached: RpcError: RPC error: recvmsg:Connection reset by peer",
            Fault.CONTACT,
        ),
        ("card", "the GPU failed: CUDA error: unspecified launch failure", Fault.CARD),
        ("none", "its process ended without a word", Fault.DEATH),
    ],
)
def test_cause_of_captured_error(name, cause, fault):
    assert read_cause(str(ERRORS / f"{name}.txt")) == (cause, fault)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RuntimeEnvSetupError("the package is gone"), "Ray cannot start its process: the package is gone"),
        (ActorUnschedulableError("node 1 has left"), "Ray has no place for its process: node 1 has left"),
    ],
)
def test_refused_start_is_not_the_trials(tmp_path, error, cause):
    (tmp_path / "error.txt").write_text(f"Failure # 1 (occurred at 2026-11-28_09-19-03)\n{error}\n")
    assert read_cause(str(tmp_path / "error.txt")) == (cause, Fault.RAY)


def test_cause_without_error_file():
    assert read_cause(None) == ("its process ended without a word", Fault.DEATH)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_cause_of_empty_error_file(tmp_path, text):
    (tmp_path / "error.txt").write_text(text)
    assert read_cause(str(tmp_path / "error.txt")) == ("its process ended without a word", Fault.DEATH)


def test_cause_is_first_line_of_exception(tmp_path):
    """Long messages are cut; the place is outside of packages."""
    frames = (
        '  File "/home/user/own.py", line 7, in fit\n  File "/usr/lib/python3.11/json/decoder.py", line 1, in decode\n'
    )
    (tmp_path / "error.txt").write_text(f"Failure # 1\n{frames}    raise error\nValueError: {'x' * 600}\n  more\n")
    cause = read_cause(str(tmp_path / "error.txt"))
    assert cause == (f"ValueError: {'x' * 488} at /home/user/own.py:7", Fault.EXCEPTION)
