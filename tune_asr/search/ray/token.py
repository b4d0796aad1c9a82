"""Token of Ray: its place, and owner and end of a local Ray's."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from tune_asr.errors import ConfigError
from tune_asr.storage.files import regular
from tune_asr.storage.owned import owned_folder

_PREFIX = "tune_asr-ray-"
_MODES = ("token", "disabled")


def token_path() -> Path:
    """Return the path of Ray's token."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()


def token_source() -> str:
    """Return the place of Ray's token for people."""
    return "RAY_AUTH_TOKEN" if os.environ.get("RAY_AUTH_TOKEN") else str(token_path())


def own_token() -> str:
    """Return the token that Ray would use here, or nothing."""
    if given := os.environ.get("RAY_AUTH_TOKEN"):
        return given.strip()
    try:
        return regular(token_path()).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def token_hint() -> str:
    """Return a hint at the dashboard's token, if needed."""
    return f"  (its token is in {token_source()})" if os.environ.get("RAY_AUTH_MODE") == "token" else ""


def require_mode() -> None:
    """Refuse an unknown RAY_AUTH_MODE.

    Ray would take it for `disabled`.

    Raises:
        ConfigError: RAY_AUTH_MODE is none of Ray's modes.
    """
    mode = os.environ.get("RAY_AUTH_MODE", "")
    if mode and mode.lower() not in _MODES:
        what = f"the variable RAY_AUTH_MODE is {mode!r}, but must be {' or '.join(_MODES)}"
        raise ConfigError(what, hint="Unset it: the search then finds out which one is right.")


def use_own_token() -> None:
    """Protect a local Ray with a token.

    Ray would leave one in the home folder, and every cluster started there later would require it.
    """
    if "RAY_AUTH_TOKEN_PATH" in os.environ or "RAY_AUTH_MODE" in os.environ:
        return
    path = owned_folder(Path(tempfile.gettempdir()), _PREFIX) / "token"
    path.write_text(secrets.token_hex(32), encoding="ascii")
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}


def remove_own_token() -> None:
    """Remove the token of `use_own_token`; any other stays."""
    if token_path().parent.name.startswith(_PREFIX):
        shutil.rmtree(token_path().parent, ignore_errors=True)
