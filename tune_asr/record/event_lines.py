"""Lines of the ledger as events, with every damage named.

Unknown keys are ignored, so that a ledger of a later version still opens. An unknown kind of event is refused, because
the state after it would be unknown too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from tune_asr.config.scalars import shown
from tune_asr.record.events import Event

_EVENT: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="event")], config=ConfigDict(defer_build=True)
)
"""Built at the first line: workers never read one."""


def parse(values: Mapping[str, Any]) -> Event:
    """Make an event of the flat values of a line.

    Raises:
        ValueError: the kind is unknown, or a field is missing or wrong; the field, its value and the rule are named.
    """
    try:
        return _validated(values)
    except ValidationError as error:
        raise ValueError(_damage(values, error)) from error


def _validated(values: Mapping[str, Any]) -> Event:
    nested = {"scores": values, "counts": values} if values["event"] == "report" else {}
    return _EVENT.validate_python({**values, **nested})


_RULES = {
    "int_type": "a whole number",
    "less_than": "a whole number",
    "greater_than": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "list_type": "a list",
    "greater_than_equal": "0 or more",
}


def _damage(values: Mapping[str, Any], error: ValidationError) -> str:
    """Describe the first mistake of a line, missing fields first."""
    mistakes = error.errors(include_url=False)
    first = next((mistake for mistake in mistakes if mistake["type"] == "missing"), mistakes[0])
    if first["type"] == "union_tag_invalid":
        return f"this version of tune_asr knows no {values['event']} event"
    keys = [str(key) for key in first["loc"][1:] if key not in ("scores", "counts")]
    name = ".".join(keys)
    if first["type"] == "missing":
        return f"a {values['event']} event without {name}"
    rule = _RULES.get(first["type"]) or first["ctx"]["expected"].replace("'", "")
    null = " or null" if first["type"].endswith("_type") and _may_be_null(values, name) else ""
    return f"{name} is {shown(first['input'])}, but must be {rule}{null}"


def _may_be_null(values: Mapping[str, Any], name: str) -> bool:
    try:
        _validated({**values, name: None})
    except ValidationError as error:
        return name in values and all(mistake["loc"][-1] != name for mistake in error.errors(include_url=False))
    return name in values
