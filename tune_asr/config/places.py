"""Places of mistakes that are found after a configuration was loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tune_asr.config.overrides import Layered
from tune_asr.errors import ConfigError


@contextmanager
def with_places(layered: Layered) -> Iterator[None]:
    """Add file and line to mistakes placed by a key.

    Args:
        layered: configuration that was checked.

    Raises:
        ConfigError: a mistake was found within the block.
    """
    try:
        yield
    except ConfigError as error:
        placed = [replace(problem, place=layered.place(tuple(problem.place.split(".")))) for problem in error.problems]
        raise type(error)(placed) from error
