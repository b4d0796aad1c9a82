"""Size and speed of a trial beyond a limit, in words."""

from __future__ import annotations

from tune_asr.record.events import Decision


def excess_text(decision: Decision) -> str:
    """Return a value beyond a limit, and the limit."""
    if decision.limit == "num_parameters":
        return f"{decision.value:,.0f} parameters, and the limit is {decision.cutoff or 0:,.0f}"
    return f"{decision.limit} {decision.value:.3g}, and the limit is {decision.cutoff or 0:.3g}"
