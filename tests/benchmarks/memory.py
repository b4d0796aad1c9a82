"""The memory that a trial adds to a process that has its imports and its data, beside what the trial consists of."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.core import recorded
from tests.benchmarks.searches import REPOSITORY
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from tune_asr.config.sections import Config
    from tune_asr.training.data import TrainingData

MB = 1e6


def measure(data: Path | None) -> list[Row]:
    """configs/manifest.yaml in a process of its own, whose second trial is looked at."""
    if data is None:
        return [Row(claim="memory of an added trial: needs --data DIR", value=None)]
    command = [sys.executable, "-m", "tests.benchmarks.memory", str(data.resolve())]
    told = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(told.stdout.splitlines()[-1])
    consists_of = found["state"] + found["batch"]
    return [
        Row(claim="memory of a second trial over its parts", value=found["peak"] / consists_of, unit="", at_most=1),
        Row(claim="model, gradients, AdamW's moments", value=found["state"] / MB, unit="MB"),
        Row(claim="largest batch there may be, with its graph", value=found["batch"] / MB, unit="MB"),
        Row(claim="what the first trial left behind", value=found["left"] / MB, unit="MB"),
        Row(claim="imports and data", value=found["idle"] / MB, unit="MB"),
    ]


def look(data: Path) -> dict[str, float]:
    """Bytes: of imports and data; left by a first trial; of a second at its peak, beside imports; and of its parts."""
    from tune_asr.search.ray.worker import return_memory
    from tune_asr.training.data import load_data
    from tune_asr.training.prepare import build_module

    config = recorded(data)
    loaded = load_data(config)
    build_module(config, loaded)
    idle = anonymous()
    trained(config, loaded)
    return_memory()
    left = anonymous() - idle
    with peak() as seen:
        trained(config, loaded)
    state, batch = parts(config, loaded)
    return {"idle": idle, "left": left, "peak": max(seen) - idle, "state": state, "batch": batch}


def trained(config: Config, data: TrainingData) -> None:
    """A trial without a search: its epochs, each with its checkpoint."""
    from tune_asr.training.fit import fit

    with tempfile.TemporaryDirectory() as folder:
        fit(config, lambda _result, _last, save: save(Path(folder, "newest.ckpt")), data=data)


def parts(config: Config, data: TrainingData) -> tuple[int, int]:
    """Bytes of weights, gradients and two moments; of the largest batch there may be, with what its gradients need."""
    import torch

    from tune_asr.training.prepare import build_module

    module = build_module(config, data).train()
    assert data.built_in is not None
    batch = data.built_in.longest_batch()
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = module.batch_loss(batch.features, batch.feature_lengths, batch).loss
    for parameter in module.parameters():
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    del loss
    weights = sum(parameter.nbytes for parameter in module.parameters())
    return 4 * weights, sum(kept.values()) + batch.features.nbytes


@contextmanager
def peak() -> Iterator[list[int]]:
    """Looks at the process's anonymous memory all the time; what is mapped from files is shared by all trials."""
    seen, done = [anonymous()], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            seen.append(anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def anonymous() -> int:
    """Bytes of memory that is nobody else's."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in status if line.startswith("RssAnon"))


if __name__ == "__main__":
    print(json.dumps(look(Path(sys.argv[1]))))
