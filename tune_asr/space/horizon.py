"""Settings under another horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tune_asr.space.plan import Plan


def plan_with(plan: Plan, horizon: int | None) -> Plan:
    """Return a plan whose trials end at another horizon.

    Args:
        plan: space and base configuration.
        horizon: last epoch, over which the schedules are laid; None: that of the plan.
    """
    if horizon is None or horizon == plan.last_epoch:
        return plan
    trainer = plan.config.trainer.model_copy(update={"max_epochs": horizon})
    stopping = plan.config.early_stopping.model_copy(update={"stop_epoch": None})
    asha = plan.space.asha.model_copy(update={"max_t": horizon})
    return replace(
        plan,
        space=plan.space.model_copy(update={"asha": asha}),
        config=plan.config.model_copy(update={"trainer": trainer, "early_stopping": stopping}),
    )


def values_with(config: Mapping[str, Any], horizon: int | None) -> dict[str, Any]:
    """Return plain values of a configuration with another horizon."""
    if horizon is None:
        return dict(config)
    trainer = {**config.get("trainer", {}), "max_epochs": horizon}
    stopping = {**config.get("early_stopping", {}), "stop_epoch": None}
    return {**config, "trainer": trainer, "early_stopping": stopping}
