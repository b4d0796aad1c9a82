"""What sections of a configuration are made of: closed mappings of typed keys, and the types."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator


def whole(value: Any) -> Any:
    """`1e5` is a whole number, whichever way it is written; 1.5 is not, nor is `true`, which Python takes for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number")
    return int(value) if isinstance(value, float) and value.is_integer() else value


Int = Annotated[int, BeforeValidator(whole)]
Count = Annotated[Int, Field(ge=1, le=1_000_000_000)]
Size = Annotated[Int, Field(ge=1, le=65_536)]
"""Of something that a model or a machine has; more is a slip of the finger, and would end in an error of torch's."""
Seed = Annotated[Int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, le=1)]
FilePath = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A closed mapping of typed keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class OpenSection(Section):
    """A mapping whose other keys are passed through; `load.py` knows which there are."""

    model_config = ConfigDict(extra="allow")


class CustomTarget(OpenSection):
    """A class of the user's, by dotted path; the other keys of the section are its parameters."""

    target: str
    """`package.module.Class`."""

    @field_validator("target")
    @classmethod
    def _dotted(cls, value: str) -> str:
        parts = value.split(".")
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):
            raise ValueError("must be a built-in name or a dotted path such as package.module.Class")
        return value

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys beside `target`."""
        return dict(self.model_extra or {})


def target_of(section: type[BaseModel]) -> str:
    """The `target` that names a built-in section."""
    (name,) = section.model_fields["target"].annotation.__args__  # type: ignore[union-attr]
    return str(name)
