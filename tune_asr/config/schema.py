"""Base classes of sections, and types of keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, field_validator


def whole(value: Any) -> Any:
    """Turn `1e5` into an integer, and refuse `true`, Python's 1."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number")
    return int(value) if isinstance(value, float) and value.is_integer() else value


Int = Annotated[int, BeforeValidator(whole)]
Count = Annotated[Int, Field(ge=1, le=1_000_000_000)]
Size = Annotated[Int, Field(ge=1, le=65_536)]
"""Size of a part of a model; more is a typing mistake, and would end in an error of torch."""
Seed = Annotated[Int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, le=1)]
FilePath = Annotated[str, Field(min_length=1)]
Weights = Literal["raw", "ema"]
"""Trained weights, or their moving average."""


class Section(BaseModel):
    """Closed mapping of typed keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class OpenSection(Section):
    """Mapping with further keys, checked in `load.py`."""

    model_config = ConfigDict(extra="allow")


class CustomTarget(OpenSection):
    """Custom class, with its parameters beside its path."""

    target: str
    """Dotted path: `package.module.Class`."""

    @field_validator("target")
    @classmethod
    def _dotted(cls, value: str) -> str:
        parts = value.split(".")
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):
            raise ValueError("must be a built-in name or a dotted path such as package.module.Class")
        return value

    @property
    def parameters(self) -> dict[str, JsonValue]:
        """Keys of the section but for `target`."""
        return dict(self.model_extra or {})


def target_of(section: type[BaseModel]) -> str:
    """Return the `target` of a built-in section."""
    (name,) = section.model_fields["target"].annotation.__args__  # type: ignore[union-attr]
    return str(name)
