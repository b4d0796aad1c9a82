"""What Ray has: how many trials fit at once, and whether every node sees the results folder and the data."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tune_asr.errors import ClusterError, ConfigError, DataError, StorageError
from tune_asr.wording import first_line

ANSWER_SECONDS = 60.0
"""A busy node needs some twenty to start its first process."""


def slots(cpus_per_trial: float, gpus_per_trial: float | str, max_concurrent: int | str) -> tuple[int, float]:
    """How many trials fit at once, and the GPUs of each.

    Raises:
        ConfigError: not a single one fits.
    """
    import ray

    # By node: two halves of a trial's CPUs on two nodes are none.
    have = [
        (node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]
    any_gpu = any(gpus for _, gpus in have)
    per_trial = float(any_gpu) if gpus_per_trial == "auto" else float(gpus_per_trial)
    fitting = sum(
        min(int(cpus / cpus_per_trial), int(gpus / per_trial)) if per_trial else int(cpus / cpus_per_trial)
        for cpus, gpus in have
    )
    if fitting < 1:
        offered = ", ".join(f"{cpus:g} and {gpus:g}" for cpus, gpus in have)
        raise ConfigError(
            f"a trial needs {cpus_per_trial:g} CPUs and {per_trial:g} GPUs, but Ray's nodes have {offered}: "
            "lower resources.cpus_per_trial or resources.gpus_per_trial"
        )
    return (fitting if max_concurrent == "auto" else min(fitting, int(max_concurrent))), per_trial


def check_nodes(marker: Path, data_files: Sequence[tuple[str, int]], seconds: float = ANSWER_SECONDS) -> None:
    """Make sure that every node sees the results folder and the data before a trial runs there.

    Args:
        marker: a file in the results folder; next to it each node must be able to write.
        data_files: absolute path and size in bytes of files that training reads.
        seconds: how long a node may take to answer.

    Raises:
        StorageError: a node does not see the results folder, or cannot write there.
        DataError: a node does not see the data as they are here.
        ClusterError: a node does not answer.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0)(_look_around)
    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    found = [
        look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            str(marker), list(data_files)
        )
        for node in nodes
    ]
    answered, _ = ray.wait(found, num_returns=len(found), timeout=seconds)
    for node, answer in zip(nodes, found, strict=True):
        name = f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        folder_problem, data_problem = _answer(name, answer if answer in answered else None, seconds)
        if folder_problem:
            raise StorageError(
                f"{name} cannot use the results folder {marker.parent}: {folder_problem}: put it on storage that every "
                "node mounts at the same path (--results)"
            )
        if data_problem:
            raise DataError(f"{name} does not see the data: {data_problem}: mount them at the same path on every node")


def _answer(name: str, answer: Any, seconds: float) -> tuple[str, str]:
    """What `_look_around` found on a node; `answer` is None where it has not come back."""
    import ray
    from ray.exceptions import RayError

    if answer is None:
        raise ClusterError(
            f"{name} does not say within {seconds:g} s whether it sees the results folder and the data: a file system "
            "may hang there, or no process start: look at the node, or take it out of the cluster"
        )
    try:
        found: tuple[str, str] = ray.get(answer)
    except RayError as error:
        raise ClusterError(f"{name} was lost: {first_line(error)}") from error
    return found


def _look_around(marker: str, data_files: list[tuple[str, int]]) -> tuple[str, str]:
    """What keeps this node from using the results folder and the data; empty texts where nothing does."""
    folder_problem = data_problem = ""
    probe = Path(marker).with_name(f".tmp-probe-{socket.gethostname()}-{os.getpid()}")
    try:
        Path(marker).stat()
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        folder_problem = f"{error.strerror}"
    for path, size in data_files:
        try:
            found = Path(path).stat().st_size
        except OSError as error:
            data_problem = f"{path}: {error.strerror}"
            break
        if found != size:
            data_problem = f"{path} has {found} bytes there and {size} here"
            break
    return folder_problem, data_problem
