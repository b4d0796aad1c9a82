"""Failures of GPUs, by the texts of torch and CUDA."""

import pytest
import torch

from tune_asr.errors import CardError, DeviceError, SettingError
from tune_asr.training.card import (
    CardFault,
    Shortage,
    card_error,
    fault_of,
    filled_by_others,
    too_little_memory,
)
from tune_asr.training.device import is_supported, reason_beside, require_device
from tune_asr.training.fit import fit

GB, MB = 2**30, 2**20
ADVICE = (
    "\nSearch for `cudaErrorX' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for more "
    "information.\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below "
    "might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
)
OWN = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 10.50 GiB is "
    "free. Including non-PyTorch memory, this process has 68.60 GiB memory in use. Of the allocated memory 67.00 GiB "
    "is allocated by PyTorch, and 1.10 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory "
    "is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
)
OTHERS = (
    "CUDA out of memory. Tried to allocate 512.00 MiB. GPU 0 has a total capacity of 79.10 GiB of which 10.81 MiB is "
    "free. Process 4711 has 70.00 GiB memory in use. Process 4712 has 6.00 GiB memory in use. Including non-PyTorch "
    "memory, this process has 3.00 GiB memory in use. Of the allocated memory 2.40 GiB is allocated by PyTorch, and "
    "96.00 MiB is reserved by PyTorch but unallocated."
)
LIMITED = (
    "CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 60.00 GiB is "
    "free. Including non-PyTorch memory, this process has 5.40 GiB memory in use. 4.90 GiB allowed; Of the allocated "
    "memory 4.50 GiB is allocated by PyTorch, with 64.00 MiB allocated in private pools (e.g., CUDA Graphs), and 0 "
    "bytes is reserved by PyTorch but unallocated."
)


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        (torch.OutOfMemoryError, OWN, CardFault.FULL),
        (torch.AcceleratorError, "CUDA error: out of memory" + ADVICE, CardFault.FULL),
        (RuntimeError, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", CardFault.FULL),
        (torch.AcceleratorError, "CUDA error: unspecified launch failure" + ADVICE, CardFault.LOST),
        (RuntimeError, "CUDA error: an illegal memory access was encountered" + ADVICE, CardFault.LOST),
        (torch.AcceleratorError, "CUDA error: uncorrectable ECC error encountered" + ADVICE, CardFault.LOST),
        (torch.AcceleratorError, "CUDA error: CUDA-capable device(s) is/are busy or unavailable", CardFault.LOST),
        (RuntimeError, "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`", CardFault.LOST),
        (RuntimeError, "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", CardFault.LOST),
        (RuntimeError, "CUDA driver error: unknown error", CardFault.LOST),
        (
            torch.AcceleratorError,
            "CUDA error: no kernel image is available for execution on the device" + ADVICE,
            CardFault.UNSUPPORTED,
        ),
        (RuntimeError, "No CUDA GPUs are available", CardFault.MISSING),
        (
            RuntimeError,
            "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver",
            CardFault.MISSING,
        ),
        (RuntimeError, "The NVIDIA driver on your system is too old (found version 11040).", CardFault.MISSING),
        (AssertionError, "Torch not compiled with CUDA enabled", CardFault.MISSING),
        (torch.AcceleratorError, "CUDA error: device-side assert triggered" + ADVICE, None),
        (RuntimeError, "The size of tensor a (3) must match the size of tensor b (4)", None),
        (ValueError, "CUDA error: unspecified launch failure", None),
        (SettingError, "CUDA out of memory", None),
    ],
)
def test_fault_of_real_texts(kind, text, fault):
    assert fault_of(kind(text)) is fault


@pytest.mark.parametrize(
    ("text", "numbers", "of_others"),
    [
        (OWN, (20 * GB, 67 * GB, 79.1 * GB, 10.5 * GB), False),
        (OTHERS, (512 * MB, 2.4 * GB, 79.1 * GB, 10.81 * MB), True),
        (LIMITED, (GB, 4.5 * GB, 79.1 * GB, 60 * GB), True),
    ],
)
def test_numbers_of_shortage(text, numbers, of_others):
    found = Shortage.of(text)
    assert (found.asked, found.allocated, found.total, found.free) == pytest.approx(numbers)
    assert found.is_of_others is of_others


def test_need_counts_tensors_and_request():
    assert Shortage.of(OWN).need == pytest.approx(87 / 79.1)
    assert Shortage.of(LIMITED).need == pytest.approx(5.5 / 79.1)
    assert Shortage.of("CUDA out of memory.") is None


def test_filled_gpu_is_not_the_settings():
    assert filled_by_others(too_little_memory("a batch", torch.OutOfMemoryError(OWN))) is None
    error = filled_by_others(too_little_memory("a batch", torch.OutOfMemoryError(OTHERS)))
    assert str(error).startswith("the GPU is full: other programs hold 76.0 of its 79.1 GB\n    `nvidia-smi` shows")


@pytest.mark.parametrize(
    ("capability", "built_for", "supported"),
    [
        ((9, 0), ["sm_75", "sm_80", "sm_90"], True),
        ((8, 9), ["sm_75", "sm_80", "sm_90"], True),
        ((7, 0), ["sm_75", "sm_80", "sm_90"], False),
        ((3, 7), ["sm_75", "sm_80", "compute_80"], False),
        ((12, 1), ["sm_90a", "sm_100", "sm_120"], True),
        ((13, 0), ["sm_90", "sm_120"], False),
        ((13, 0), ["sm_90", "compute_120"], True),
        ((3, 7), [], True),
    ],
)
def test_supported_capabilities(capability, built_for, supported):
    assert is_supported(capability, built_for) is supported


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_missing_gpu_is_a_sentence(monkeypatch):
    require_device("auto")
    require_device("cpu", ["0"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    reason = (
        r"no GPU can be used: (CUDA_VISIBLE_DEVICES is '', which|this machine has no GPU|torch .* was built without)"
    )
    with pytest.raises(DeviceError, match=rf"trainer.accelerator is gpu, but {reason}"):
        require_device("gpu")
    with pytest.raises(DeviceError, match=r"Ray gave the trial the GPU MIG-7, but it cannot .*\n    To train on"):
        require_device("auto", ["MIG-7"])


@pytest.mark.parametrize(
    ("reason", "visible", "has_card", "words"),
    [
        ("No CUDA GPUs are available", None, True, "No CUDA GPUs are available"),
        ("No CUDA GPUs are available", "7", True, "CUDA_VISIBLE_DEVICES is '7', which names none of this machine"),
        ("No CUDA GPUs are available", "", True, "CUDA_VISIBLE_DEVICES is '', which hides every GPU"),
        ("No CUDA GPUs are available", "", False, "this machine has no GPU"),
        ("Found no NVIDIA driver on your system. Please", "", False, "this machine has no GPU, or no NVIDIA driver"),
        ("The NVIDIA driver on your system is too old (found 11040)", "0", True, "The NVIDIA driver on your system is"),
    ],
)
def test_hidden_gpus_are_named_last(reason, visible, has_card, words):
    """Ray sets the variable, and a message about it would hide an old driver, or that there is no GPU at all."""
    assert reason_beside(reason, visible, has_card=has_card).startswith(words)


@pytest.mark.parametrize(
    ("text", "error", "message", "code"),
    [
        (
            "CUDA error: unspecified launch failure" + ADVICE,
            CardError,
            "GPU failed: CUDA error: unspecified launch f",
            6,
        ),
        ("CUDA error: out of memory" + ADVICE, CardError, "the GPU is full: CUDA error: out of memory\n", 6),
        ("CUDA error: no kernel image is available for execution", DeviceError, "GPU.* is not supported by torch", 2),
        ("No CUDA GPUs are available", DeviceError, "no GPU can be used: ", 2),
    ],
)
def test_training_explains_failed_gpu(quick, text, error, message, code):
    import lightning.pytorch as pl

    class Failing(pl.Callback):
        def on_train_batch_end(self, *_):
            raise torch.AcceleratorError(text)

    with pytest.raises(error, match=message) as raised:
        fit(quick(trainer__max_epochs=1), lambda *_: None, callbacks=[Failing()])
    assert raised.value.exit_code == code
    assert "\n    " in str(raised.value), "the hint is on a line of its own"
    assert "\n" not in raised.value.cause


def test_other_errors_are_not_explained():
    assert card_error(torch.AcceleratorError("CUDA error: device-side assert triggered")) is None
    assert card_error(RuntimeError("width must be even")) is None
