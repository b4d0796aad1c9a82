"""Head of a cluster, asked for its token before Ray is imported.

Ray reads its mode of authentication once in a process. In mode `token` a driver can join a cluster without one and run
tasks there, but no actor of it starts; without the token it can join no cluster that requires one. So the head itself
is asked, by a call that each of its releases answers, first without a token. Nothing is asked about TLS or Kubernetes
tokens: there Ray's own variables decide.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

from tune_asr.errors import ClusterError, ConfigError
from tune_asr.search.ray.token import own_token, token_source
from tune_asr.storage.files import regular
from tune_asr.wording import printable

_CALL = "/ray.rpc.NodeInfoGcsService/CheckAlive"
_SECONDS = 5.0
_OWN_RAY = "Leave --address out: the search then starts a Ray of its own."
_OTHER_MEANS = ("RAY_USE_TLS", "RAY_ENABLE_K8S_TOKEN_AUTH")


_GCS = "--gcs-address="
_HOST_AND_PORT = re.compile(r"(\[[\w:.%]+\]|[^\s:/\[\]]+):(\d{1,5})")


class Answer(Enum):
    """Answer of a head to a call."""

    ACCEPTED = auto()
    REFUSED = auto()
    UNKNOWN = auto()
    """No answer, or no cluster of Ray."""


def is_host_and_port(address: str) -> bool:
    """Return True for `HOST:PORT`, or `[IPv6]:PORT`."""
    found = _HOST_AND_PORT.fullmatch(address)
    return found is not None and 0 < int(found[2]) < 65536


def require_address(address: str) -> None:
    """Refuse an address of another form.

    Raises:
        ConfigError: it is neither `HOST:PORT` nor `auto`, or `RAY_ADDRESS`, which `auto` follows, is not `HOST:PORT`.
    """
    if not address.strip():  # `--address "$HEAD"` without HEAD must not search on this machine
        raise ConfigError("--address is empty, but must be HOST:PORT or auto", hint=_OWN_RAY)
    head = address_of(address)
    if (head or address).startswith("ray://"):
        given = f"auto, and RAY_ADDRESS is {printable(head or '')}" if address == "auto" else printable(address)
        what = f"--address is {given}, a Ray Client, but must be an address inside the cluster"
        raise ConfigError(what, hint="Run on a node of the cluster, and give HOST:PORT of its head.")
    if address == "auto" and head and not is_host_and_port(head):
        what = f"--address is auto, and RAY_ADDRESS is {head!r}, but must be HOST:PORT"
        raise ConfigError(what, hint="Set RAY_ADDRESS to HOST:PORT of the head, or unset it.")
    if address != "auto" and not is_host_and_port(address):
        what = f"--address is {printable(address)}, but must be HOST:PORT of a head, such as 10.0.0.1:6379, or auto"
        raise ConfigError(what, hint=_OWN_RAY)


def address_of(address: str) -> str | None:
    """Return the head at an address, if it is known.

    Args:
        address: `HOST:PORT`, or `auto` for the cluster of `RAY_ADDRESS` or the one that `ray start` joined last here.
    """
    if address != "auto":
        return address
    if given := os.environ.get("RAY_ADDRESS"):
        return given if given != "auto" else None
    temporary = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    with suppress(OSError):
        return regular(Path(temporary, "ray", "ray_current_cluster")).read_text(encoding="utf-8").strip() or None
    return None


def running_here() -> str | None:
    """Return the head of a Ray on this machine.

    It is read from the command line of a raylet: `ray start` with a temporary folder of its own leaves no file that
    `address_of` would find.
    """
    for path in sorted(Path("/proc").glob("[0-9]*/cmdline")):
        with suppress(OSError):  # the process has ended meanwhile
            program, *arguments = path.read_text(encoding="utf-8", errors="replace").split("\0")
            heads = [each.removeprefix(_GCS) for each in arguments if each.startswith(_GCS)]
            if Path(program).name == "raylet" and heads and is_host_and_port(heads[0]):
                return heads[0]
    return None


def use_its_token(address: str) -> bool:
    """Let Ray use a token if the head requires one.

    Any other head must not get one. Returns whether a head has answered.

    Args:
        address: `HOST:PORT` of the head.

    Raises:
        ClusterError: it requires a token, and there is none here, or another.
    """
    if any(os.environ.get(name, "0") not in ("0", "") for name in _OTHER_MEANS):
        return False
    without = ask(address, None)
    if without is Answer.UNKNOWN:
        return False
    if without is Answer.ACCEPTED:
        os.environ["RAY_AUTH_MODE"] = "disabled"
        return True
    hint = "Set RAY_AUTH_TOKEN_PATH to a copy of the head's token; `ray get-auth-token` prints it there."
    token = own_token()
    if not token:
        raise ClusterError(f"the cluster at {address} requires a token, but {token_source()} has none", hint=hint)
    if ask(address, token) is Answer.REFUSED:
        raise ClusterError(f"the cluster at {address} refuses the token in {token_source()}", hint=hint)
    os.environ["RAY_AUTH_MODE"] = "token"
    return True


def ask(address: str, token: str | None) -> Answer:
    """Call a head, with a token or without."""
    try:
        import grpc
    except ImportError:  # Ray brings it along for its dashboard, so far
        return Answer.UNKNOWN
    sent = [("authorization", f"Bearer {token}")] if token else []
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary(_CALL)(b"", timeout=_SECONDS, metadata=sent)
        except grpc.RpcError as error:
            return Answer.REFUSED if error.code() is grpc.StatusCode.UNAUTHENTICATED else Answer.UNKNOWN
    return Answer.ACCEPTED
