"""CPUs of a local Ray."""

import os

import pytest

from tune_asr.search.ray.cpus import needed_cpus, usable_cpus

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
    assert needed_cpus(max_concurrent, cpus_per_trial) == needed
