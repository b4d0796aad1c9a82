"""Number format of a training on its accelerator.

Lightning turns float16 on a CPU into bfloat16 with a warning: a search would then compare unintended settings. Here a
format without support is refused, and a slow one is remarked on.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from tune_asr.errors import SettingError

TENSOR_CORES = (7, 0)
"""First compute capability with fast float16."""
SMALL = 256
"""Width below which casts cost more than they save: at 144, in batches of 8, a step on an H100 takes 7.8 ms in float32
and 10.7 ms in bfloat16."""
FULL_NAMES = {"16": "16-mixed", "bf16": "bf16-mixed", "32": "32-true", "64": "64-true"}


def resolve_precision(
    precision: str, accelerator: str, capabilities: Mapping[str, object] | None = None
) -> tuple[str, str | None]:
    """Return Lightning's precision, and a remark on it.

    Args:
        precision: name of a format, as Lightning spells it; short names are made full.
        accelerator: `cpu`, `gpu`, `cuda`, `mps` or `auto`.
        capabilities: instructions of the CPU; by default those of this machine.

    Raises:
        SettingError: the accelerator cannot train in this format.
    """
    precision = FULL_NAMES.get(precision, precision)
    number_format = precision.partition("-")[0]
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if number_format == "16" and accelerator == "cpu":
        raise SettingError(
            f"precision.precision is {precision}, but a CPU cannot train in float16",
            hint="Choose 32-true or bf16-mixed.",
        )
    if number_format == "bf16" and accelerator == "cpu" and not _cpu_computes_bf16(capabilities):
        return precision, f"precision.precision is {precision}: this CPU has no bfloat16 arithmetic, 32-true is faster"
    if number_format == "bf16" and accelerator in ("gpu", "cuda") and not _gpu_computes_bf16():
        raise SettingError(
            f"precision.precision is {precision}, but this GPU has no bfloat16",
            hint="Choose 32-true or 16-mixed.",
        )
    return precision, None


def remark_on_gpu(precision: str, capability: tuple[int, int], width: int | None) -> str | None:
    """Return why 32-true would be faster on a GPU.

    None unless it would be.

    Args:
        precision: Lightning's precision.
        capability: CUDA's compute capability of the card.
        width: `model.dim`; None of a custom class, or of steps without launches of their own.
    """
    if not precision.endswith("-mixed"):
        return None
    if precision == "16-mixed" and capability < TENSOR_CORES:
        return f"precision.precision is {precision}: this GPU has no fast float16 arithmetic, 32-true is faster"
    if width is not None and width < SMALL:
        return (
            f"precision.precision is {precision}: at model.dim {width} a GPU waits for launches, of which mixed "
            "precision has more; 32-true is faster"
        )
    return None


def _cpu_computes_bf16(capabilities: Mapping[str, object] | None) -> bool:
    if capabilities is None:
        capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _gpu_computes_bf16() -> bool:
    # Without CUDA, Lightning's own error is clearer.
    return not torch.cuda.is_available() or torch.cuda.is_bf16_supported(including_emulation=False)
