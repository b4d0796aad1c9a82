"""Nodes of a Ray: CPUs and GPUs, versions, and visible files."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tune_asr.errors import ClusterError, DataError, StorageError
from tune_asr.search.cards.card import Machine
from tune_asr.search.cards.nvml import this_machine
from tune_asr.search.ray.versions import Versions
from tune_asr.wording import first_line

if TYPE_CHECKING:
    import ray

ANSWER_SECONDS = 60.0
"""A busy node needs some twenty to start its first process."""


def capacity() -> list[tuple[float, float]]:
    """Return CPUs and GPUs of each node."""
    import ray

    return [
        (node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]


def gpu_node() -> str | None:
    """Return the id of the node with most GPUs.

    None without any.
    """
    import ray

    having = {
        node["NodeID"]: node["Resources"]["GPU"]
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"] and node["Resources"].get("GPU", 0.0)
    }
    return max(having, key=lambda node: (having[node], node), default=None)


def gpus_of(node: str, seconds: float = ANSWER_SECONDS) -> Machine:
    """Return the GPUs of a node.

    They are unknown if the node does not answer: `check_nodes` finds that out.

    Args:
        node: Ray's id of the node.
        seconds: time limit for its answer.
    """
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    look: ray.ObjectRef[Machine] = ray.remote(num_cpus=0)(this_machine).options(scheduling_strategy=there).remote()
    try:
        return ray.get(look, timeout=seconds)
    except RayError:
        return Machine()


@dataclass(frozen=True, slots=True)
class View:
    """Versions of a node, and its problems with files.

    A text is empty if there is none.
    """

    versions: Versions
    folder_problem: str = ""
    data_problem: str = ""

    def check(self, node: str, folder: Path) -> None:
        """Raise the error of the first problem.

        Args:
            node: name of the node, for the message.
            folder: results folder.
        """
        self.versions.check(node, Versions.here())
        if self.folder_problem:
            raise StorageError(
                f"{node} cannot use the results folder {folder}: {self.folder_problem}",
                hint="Choose storage that every node mounts at the same path (--results).",
            )
        if self.data_problem:
            raise DataError(
                f"{node} does not see the data: {self.data_problem}",
                hint="Mount the data at the same path on every node.",
            )


def check_nodes(marker: Path, data_files: Sequence[tuple[str, int]], seconds: float = ANSWER_SECONDS) -> None:
    """Check versions, results folder and data on every node.

    Args:
        marker: file in the results folder; each node must be able to write beside it.
        data_files: absolute path and size in bytes of files that training reads.
        seconds: time limit for the answer of a node.

    Raises:
        StorageError: a node does not see the results folder, or cannot write there.
        DataError: a node does not see the data as they are here.
        ClusterError: a node does not answer, or has other versions.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0)(look_around)
    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    views: list[ray.ObjectRef[View]] = [
        look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
            str(marker), list(data_files)
        )
        for node in nodes
    ]
    answered, _ = ray.wait(views, num_returns=len(views), timeout=seconds)
    for node, view in zip(nodes, views, strict=True):
        name = f"node {node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        view_of(name, view if view in answered else None, seconds).check(name, marker.parent)


def view_of(node: str, answer: ray.ObjectRef[View] | None, seconds: float) -> View:
    """Return the view of a node.

    Args:
        node: name of the node, for the message.
        answer: reference to its view; None if it has not come in time.
        seconds: time limit that it had.

    Raises:
        ClusterError: the node did not answer, or was lost.
    """
    import ray
    from ray.exceptions import RayError

    if answer is None:
        raise ClusterError(
            f"{node} does not answer within {seconds:g} s whether it sees the results folder and the data; its file "
            "system may hang, or it cannot start a process",
            hint="Look at the node, or take it out of the cluster. Its RAY_AUTH_MODE must be that of the head.",
        )
    try:
        return ray.get(answer)
    except RayError as error:
        raise ClusterError(f"{node} was lost: {first_line(error)}") from error


def look_around(marker: str, data_files: list[tuple[str, int]]) -> View:
    """Return this node's view; runs on the node."""
    folder_problem = ""
    probe = Path(marker).with_name(f".tmp-probe-{socket.gethostname()}-{os.getpid()}")
    try:
        Path(marker).stat()
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        folder_problem = f"{error.strerror}"
    problems = (_data_problem(Path(path), size) for path, size in data_files)
    return View(Versions.here(), folder_problem, next(filter(None, problems), ""))


def _data_problem(path: Path, size: int) -> str:
    try:
        found = path.stat().st_size
    except OSError as error:
        return f"{path}: {error.strerror}"
    return "" if found == size else f"{path} has {found} bytes there and {size} here"
