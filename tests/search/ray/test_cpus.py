"""CPUs of a local Ray."""

import os

import pytest

from tune_asr.search.ray.cpus import LocalRay, needed_cpus, usable_cpus
from tune_asr.space.sections import SpaceFile

BOUND = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "most"), [("max 100000", BOUND), ("100000 100000", 1), ("50000 100000", 1), ("nonsense", BOUND)]
)
def test_quota_of_cgroup_v2_bounds_cpus(tmp_path, quota, most):
    """At least one CPU is left."""
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert usable_cpus(tmp_path) == most


@pytest.mark.parametrize(("quota", "most"), [("-1", BOUND), ("100000", 1), ("50000", 1)])
def test_quota_of_cgroup_v1_bounds_cpus(tmp_path, quota, most):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_cpus(tmp_path) == most


def test_cpus_without_cgroups_are_those_bound(tmp_path):
    assert usable_cpus(tmp_path / "none") == BOUND


@pytest.mark.parametrize(
    ("max_concurrent", "cpus_per_trial", "needed"), [("auto", 4.0, None), (2, 1.0, 2), (3, 0.5, 2), (2, 16.0, 32)]
)
def test_trials_at_once_bound_needed_cpus(max_concurrent, cpus_per_trial, needed):
    assert needed_cpus(space(max_concurrent, cpus_per_trial), 0) == needed


@pytest.mark.parametrize(
    ("max_concurrent", "gpus_per_trial", "needed"),
    [("auto", "auto", 2), ("auto", 0.25, 8), ("auto", 2, 1), (1, "auto", 1), ("auto", "pack", None), ("auto", 0, None)],
)
def test_gpus_bound_needed_cpus(max_concurrent, gpus_per_trial, needed):
    """Of two GPUs; trials without one, and those that are packed, may take every CPU."""
    assert needed_cpus(space(max_concurrent, 1.0, gpus_per_trial), 2) == needed


def test_local_ray_is_as_large_as_its_trials():
    assert LocalRay.of(space(2, 3.0, 0)).cpus == 6


def space(max_concurrent, cpus_per_trial, gpus_per_trial="auto"):
    resources = {"cpus_per_trial": cpus_per_trial, "gpus_per_trial": gpus_per_trial}
    return SpaceFile.model_validate({"search": {"max_concurrent": max_concurrent}, "resources": resources})
