"""Settings of a training, compared between file and configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tune_asr.config.scalars import shown


class Settings(dict[str, Any]):
    """Values by dotted key, as far as their source knows."""

    def add(self, section: str, values: object, keys: Iterable[str] | None = None) -> None:
        """Add a section's values, if it is a mapping."""
        if isinstance(values, Mapping):
            self.update({f"{section}.{key}": values[key] for key in keys or values if key in values})

    def difference(self, here: Settings, key: str) -> str:
        """Put the difference in a value into words."""
        there, own = (shown(values[key]) if key in values else "absent" for values in (self, here))
        return f"{key} is {there} there and {own} here"
