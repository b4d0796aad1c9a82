"""GPU of a training: is it there, and does this torch support it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import torch

from tune_asr.errors import DeviceError
from tune_asr.wording import first_line

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Variable that hides GPUs from CUDA."""
ON_THE_CPU = "To train on the CPU, set resources.gpus_per_trial to 0 in a search, or trainer.accelerator to cpu."


def require_device(accelerator: object, ids: Sequence[int | str] = ()) -> None:
    """Require that the device of a training is there.

    Args:
        accelerator: `trainer.accelerator`.
        ids: GPUs that Ray gave the training.

    Raises:
        DeviceError: there is no GPU and one is needed, or this torch does not support it.
    """
    if accelerator not in ("auto", "gpu", "cuda"):
        return
    if torch.cuda.is_available():
        if not is_supported(torch.cuda.get_device_capability(), torch.cuda.get_arch_list()):
            raise unsupported()
    elif ids:
        given = ", ".join(map(str, ids))
        raise DeviceError(f"Ray gave the trial the GPU {given}, but it cannot be used: {why_none()}", ON_THE_CPU)
    elif accelerator in ("gpu", "cuda") and not _has_other_gpu():
        what = f"trainer.accelerator is {accelerator}, but no GPU can be used: {why_none()}"
        raise DeviceError(what, hint="Set trainer.accelerator to cpu, or to auto, which needs no GPU.")


def is_supported(capability: tuple[int, int], built_for: Sequence[str]) -> bool:
    """Return whether a torch runs on a GPU.

    Machine code (`sm_75`) runs on later GPUs of the same generation; PTX (`compute_90`) on all later ones.

    Args:
        capability: compute capability of the GPU.
        built_for: architectures of this torch; empty if they are not known.
    """
    found = [re.fullmatch(r"(sm|compute)_(\d+)(\d)[af]?", name) for name in built_for]
    known = [(match[1], (int(match[2]), int(match[3]))) for match in found if match]
    if not known:
        return True
    return any(version <= capability and (kind == "compute" or version[0] == capability[0]) for kind, version in known)


def unsupported() -> DeviceError:
    """Return the error of an unsupported GPU."""
    name, capability, built_for = "the GPU", "", ""
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        capability = " (compute capability {}.{})".format(*torch.cuda.get_device_capability())
        built_for = f", which was built for {', '.join(torch.cuda.get_arch_list())}"
    return DeviceError(
        f"{name}{capability} is not supported by torch {torch.__version__}{built_for}",
        hint=f"Install a torch that was built for it. {ON_THE_CPU}",
    )


def _has_other_gpu() -> bool:
    return torch.backends.mps.is_available()


def why_none() -> str:
    """Return why torch finds no GPU."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA"
    reason = "CUDA finds none"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        reason = first_line(error).partition(". ")[0]
    return reason_beside(reason, os.environ.get(VISIBLE), has_card=_shows_card())


def _shows_card() -> bool:
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()  # the second one on Windows


def reason_beside(reason: str, visible: str | None, *, has_card: bool) -> str:
    """Return why CUDA finds no GPU.

    Ray sets the variable of each trial, so a missing GPU or an old driver is not its fault.

    Args:
        reason: reason that torch gives.
        visible: value of `CUDA_VISIBLE_DEVICES`.
        has_card: the driver shows a GPU of this machine.
    """
    if "no NVIDIA driver" in reason:
        return "this machine has no GPU, or no NVIDIA driver for it"
    if visible is None or "driver" in reason:
        return reason
    if not has_card:
        return "this machine has no GPU"
    if not visible.strip():
        return f"{VISIBLE} is {visible!r}, which hides every GPU"
    return f"{VISIBLE} is {visible!r}, which names none of this machine"
