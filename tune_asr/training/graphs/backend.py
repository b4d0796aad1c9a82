"""Recording of functions, to run them again without Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import torch

from tune_asr.training.memory import most_memory


class Backend(Protocol):
    """Recorder of functions whose tensors stay where they are."""

    def has_room(self) -> bool:
        """Return whether memory holds the largest step twice."""
        ...

    def aside(self) -> AbstractContextManager[None]:
        """Return a context for runs before a recording."""
        ...

    def record(self, function: Callable[[], None]) -> Callable[[], None]:
        """Record a function unrun, and return its replay.

        Raises:
            RuntimeError: the function cannot be recorded; a `torch.OutOfMemoryError` if memory is too small.
        """
        ...


class CudaGraphs:
    """Recorder by CUDA graphs in one pool of memory.

    A graph may reuse memory of another. That is safe: the two graphs of a shape run one after the other, no other graph
    runs between them, and whatever outlives them is outside the pool.

    Args:
        device: CUDA device of the tensors, torch's current one.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def has_room(self) -> bool:
        """Return whether memory holds the largest step twice.

        Graphs keep theirs, and batches of other shapes need as much beside it. The longest batch has been tried before.
        """
        return 2 * torch.cuda.max_memory_allocated(self._device) <= most_memory(self._device)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Run on the stream of the recordings.

        Libraries keep workspaces by stream.
        """
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            yield
        torch.cuda.current_stream().wait_stream(self._stream)

    def record(self, function: Callable[[], None]) -> Callable[[], None]:
        """Capture the launches of a function."""
        graph, before = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                function()
        except RuntimeError:
            graph.reset()  # the allocator would take a capture that has failed for under way
            raise
        finally:
            torch.cuda.set_stream(before)  # likewise it would leave its own
        return graph.replay
