"""Priors: where the author of a space expects good values, and how surely.

    optimizer.lr: {loguniform: [1e-4, 3e-2], around: 3e-3, confidence: medium}

The quantile at which a value is drawn follows a normal distribution around that of `around`, cut off at the bounds, in
place of a uniform one. Its standard deviation is the spread of the confidence. (Hvarfner et al., pi-BO, ICLR 2022, and
Souza et al., Bayesian Optimization with a Prior for the Optimum, 2021, weight the acquisition instead. Here the prior
shapes the candidates, and one in three is drawn without it, so that a wrong prior costs little.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeGuard

from pydantic import JsonValue

from tune_asr.config.scalars import shown

SPREADS = {"low": 0.35, "medium": 0.2, "high": 0.1}
"""Standard deviation of the quantile for each confidence."""
OPTIONS = ("around", "confidence")
"""Keys beside a distribution."""
_STANDARD = NormalDist()
# The inverse of the normal distribution takes neither 0 nor 1.
_LEAST, _MOST = 1e-16, 1 - 1e-16


@dataclass(frozen=True, slots=True)
class Prior:
    """Normal distribution of a quantile, within 0 and 1."""

    centre: float
    spread: float

    def quantile(self, u: float) -> float:
        """Return the quantile below which the share `u` lies."""
        below, above = (_STANDARD.cdf((bound - self.centre) / self.spread) for bound in (0.0, 1.0))
        share = min(max(below + u * (above - below), _LEAST), _MOST)
        quantile = self.centre + self.spread * _STANDARD.inv_cdf(share)
        return min(max(quantile, 0.0), math.nextafter(1.0, 0.0))


def is_number(value: object) -> TypeGuard[int | float]:
    """Return True for a finite number; truth values are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_options(options: Mapping[str, JsonValue]) -> float | None:
    """Return `around`, or None if no prior is given.

    Raises:
        ValueError: `confidence` alone or unknown, or `around` not a number.
    """
    if "around" not in options:
        if options:
            raise ValueError("confidence needs around, the value that it is about, such as around: 3e-3")
        return None
    if (confidence := options.get("confidence", "medium")) not in list(SPREADS):
        raise ValueError(f"confidence is {shown(confidence)}, but must be one of {', '.join(SPREADS)}")
    around = options["around"]
    if not is_number(around):
        raise ValueError(f"around is {shown(around)}, but must be a number within the bounds")
    return around
