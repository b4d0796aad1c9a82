"""Commands of `train` for a shell."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """Command line of a training."""

    config: Path
    overrides: tuple[str, ...] = ()
    """`KEY=VALUE` of each `--set`."""
    trial: str | None = None
    resume_from: Path | None = None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Command:
        """Take the flags for a resume."""
        return cls(arguments.config, tuple(arguments.set), arguments.trial)

    def with_overrides(self, overrides: Iterable[tuple[str, str]]) -> Command:
        """Set keys, replacing earlier overrides of them."""
        new = dict(overrides)
        kept = (text for text in self.overrides if text.partition("=")[0].strip() not in new)
        return replace(self, overrides=(*kept, *(f"{key}={value}" for key, value in new.items())))

    def resuming(self, checkpoint: Path) -> Command:
        """Resume from a checkpoint."""
        return replace(self, resume_from=checkpoint)

    def __str__(self) -> str:
        words = ["python", "-m", "tune_asr.train", "--config", str(self.config)]
        words += [] if self.trial is None else ["--trial", self.trial]
        words += (word for text in self.overrides for word in ("--set", text))
        words += [] if self.resume_from is None else ["--resume-from-checkpoint", str(self.resume_from)]
        return shlex.join(words)
