"""Ways in which the engine searches, to compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from tests.simulation.draws import Draw
from tests.simulation.engine import Engine


def rule(**sections: Mapping[str, JsonValue]) -> Callable[[Draw], Engine]:
    """Return the engine with these keys of `search` and `asha`."""
    return lambda draw: Engine(draw, sections)


CONTRACT = rule(search={"algorithm": "random"}, asha={"mode": "stop", "metric": "objective"})
"""Release 0.1.0: random draws, stopping ASHA on the objective, grace period 3, reduction factor 2."""
CONTRACT_SCORE = rule(search={"algorithm": "random"}, asha={"mode": "stop", "metric": "score"})
FUNNEL = rule(search={"algorithm": "random"})
"""Random draws, ASHA in waves."""
AUTO = rule(search={"algorithm": "auto"})
"""Defaults: proposals, ASHA in waves."""
AUTO_STOP = rule(search={"algorithm": "auto"}, asha={"mode": "stop", "metric": "objective"})
