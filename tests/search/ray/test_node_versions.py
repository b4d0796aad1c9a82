"""Versions on other nodes."""

import sys
from collections.abc import Callable

import pytest

from tune_asr.errors import ClusterError
from tune_asr.search.ray.nodes import look_around
from tune_asr.search.ray.versions import Versions, other_version

OWN = Versions("2.60.0", "3.11.7")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Versions("2.59.0", "3.11.7"), "node a has Ray 2.59.0 and Python 3.11.7, but this search runs with Ray 2.60.0"),
        (Versions("2.60.0", "3.12.1"), "node a has Ray 2.60.0 and Python 3.12.1, but this .* and Python 3.11.7"),
        (Versions("2.60.0", "3.11.7", ("torch", "lightning")), "node a has no torch, lightning, which training needs"),
    ],
)
def test_other_versions_are_named_with_their_node(other, message):
    with pytest.raises(ClusterError, match=message) as caught:
        other.check("node a", OWN)
    assert caught.value.exit_code == 6


def test_patch_level_of_python_may_differ():
    Versions("2.60.0", "3.11.2").check("node a", OWN)


def test_this_process_has_what_it_needs(tmp_path):
    """The view of a node has the versions of its own process."""
    versions = look_around(str(tmp_path), []).versions
    assert versions == Versions.here()
    assert versions.python.split(".")[:2] == list(map(str, sys.version_info[:2]))
    assert not versions.lacking


def refusal(metadata: dict[str, str], check: Callable[..., None]) -> str:
    with pytest.raises(RuntimeError) as caught:
        check(metadata, "node 10.0.0.2")
    return str(caught.value)


def test_refusal_of_ray_names_both_versions():
    """Ray's own check writes the message."""
    from ray._private.utils import check_version_info

    error = other_version(refusal({"ray_version": "2.59.0", "python_version": "3.10.1"}, check_version_info))
    here = Versions.here()
    assert str(error).startswith(
        f"the head of the cluster has Ray 2.59.0 and Python 3.10.1, but this search, on node 10.0.0.2, runs with {here}"
    )
    assert other_version("no route to host") is None
