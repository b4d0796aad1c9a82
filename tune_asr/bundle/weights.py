"""Names in model cards of release 0.1.0."""

from __future__ import annotations

from tune_asr.export.weights import load

__all__ = ["load"]
