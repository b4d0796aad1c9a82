"""Properties of a key, declared on its field.

    dropout: Annotated[float, Field(ge=0, lt=1), KeyFacts(fixed_on_resume=False)] = 0.1

Facts on a section's field of `Config` hold for every key of the section, parameters of a custom class included. Facts
on a key's own field come after them and win. `keys.facts` puts both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Reason(NamedTuple):
    """Why a search may not vary a key."""

    why: str
    hint: str = ""


class Need(NamedTuple):
    """Values of another key, needed for any effect."""

    key: str
    values: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class KeyFacts:
    """Meaning of a key to the program; None: not declared."""

    not_searched: Reason | None = None
    """Why a search may not vary the key; `SEARCHED`: it may, though its section may not."""
    custom_too: bool | None = None
    """`not_searched` holds for a parameter of that name of a custom class as well."""
    built_in: Literal["data", "model", "any"] | None = None
    """A custom class of this section is not given the key; any: the key has its effect under every class."""
    needs: Need | None = None
    """The key has no effect unless another key has one of these values."""
    is_path: bool | None = None
    """A path of this machine: relative to the file that gives it, and left out of model cards."""
    other_data: bool | None = None
    """Values make other training data of the same files, each with a fingerprint of its own."""
    may_fail: Literal["setting", "data"] | None = None
    """A trial can fail because of the drawn value: it does not suit another key, the machine or a custom class. data:
    or it asks too much of the data."""
    is_argument: bool | None = None
    """False: the encoder is built without the key."""
    defines_weights: bool | None = None
    """Weights mean the same only under the same value."""
    fixed_on_resume: bool | None = None
    """A training resumes only under the value of its checkpoint."""
    free_on_resume: bool | None = None
    """A resumed search may change it: no result depends on it."""
    in_cards: bool | None = None
    """False: left out of model cards."""


SEARCHED = Reason("")
RULER = Reason("it is part of the ruler, and trials measured by different rulers cannot be compared")
UNITS = Reason(
    "the loss is counted per symbol, so trials with other symbols cannot be compared by it",
    "Run a search for each value.",
)
PATH = Reason("it is a path", "Set it in the base or in over.")
NO_SETTING = Reason("it is not a setting of the recogniser")
HORIZON = Reason("it is the horizon of the schedules", "Set asha.max_t or --max-epochs.")
ENDS = Reason("ASHA decides when a trial ends")
SECTION = Reason("it is a section", "Search its keys, each by its path, such as optimizer.lr.")

INPUT_PATH = KeyFacts(is_path=True, not_searched=PATH)
