"""Names that model cards of release 0.1.0 give; see `tune_asr.export.weights`."""

from __future__ import annotations

from tune_asr.export.weights import load

__all__ = ["load"]
