"""Content security policy of the page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable


def policy(scripts: Iterable[str], style: str) -> str:
    """Return the policy that allows only these scripts and style.

    Plotly makes empty style elements, fills them rule by rule, and empties style attributes: the hash of the empty
    text allows that.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {_hash(style)} {_hash('')}",
            f"style-src-attr 'unsafe-hashes' {_hash('')}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
