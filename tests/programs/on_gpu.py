"""Custom recogniser that notes the GPUs it may see, and fails on them as it is asked to."""

import json
import os
import time
from pathlib import Path

import own
import ray
import torch

HERE = Path(__file__).parent
FULL = (
    "CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a total capacity of 79.10 GiB of which 10.81 MiB is "
    "free. Process 4711 has 76.00 GiB memory in use. Including non-PyTorch memory, this process has 3.00 GiB memory in "
    "use. Of the allocated memory 2.40 GiB is allocated by PyTorch, and 96.00 MiB is reserved but unallocated."
)


class Recogniser(own.Recogniser):
    def __init__(self, vocab, scheduler, blank_id, dim):
        self.dim = dim
        super().__init__(vocab, scheduler, blank_id, dim)

    def on_fit_start(self):
        self.note()

    def on_train_batch_start(self, batch, batch_idx):
        if self.is_to("fill"):
            raise torch.OutOfMemoryError(FULL)
        if self.is_to("lose"):
            raise torch.AcceleratorError("CUDA error: unspecified launch failure\nMore of it.")

    def is_to(self, what):
        """Whether a file named after the width asks for it; it counts the times that are left."""
        mark = HERE / f"{what}-{self.dim}"
        left = int(mark.read_text()) if mark.exists() else 0
        if left:
            mark.write_text(str(left - 1))
        return left > 0

    def note(self):
        line = {
            "dim": self.dim,
            "process": os.getpid(),
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "given": [str(each) for each in ray.get_gpu_ids()],
            "preloaded": "PL_DISABLE_FORK" in os.environ,
            "time": time.time(),
        }
        with (HERE / "seen.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
