"""ONNX model of an encoder, as sherpa-onnx's `zipformer_ctc`.

    x (N, T, C) float32, x_lens (N,) int64  ->  log_probs (N, T', V) float32, log_probs_len (N,) int64

N and T are free. torch has two exporters: `torch.export` (`dynamo=True`) follows attention and masks at any length, but
fixes the length of a recurrent layer, or fails on it; with the older tracer it is the reverse. So the layers decide
which is tried first, and the result is always compared with PyTorch (`parity.py`).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from tune_asr.errors import TuneAsrError
from tune_asr.inference.session import INPUTS, OUTPUTS
from tune_asr.wording import first_line

TRACED_LENGTHS = (67, 43)
"""Feature frames of the two utterances in the export."""
OPSET = 18

Route = Callable[[nn.Module, tuple[Tensor, Tensor], Path], None]


def export_onnx(encoder: nn.Module, path: Path, *, num_mel_bins: int, metadata: Mapping[str, str]) -> None:
    """Write an ONNX model with free N and T.

    Args:
        encoder: module (N, T, C), (N,) -> (N, T', V), (N,), in evaluation mode and on the CPU.
        path: file to write.
        num_mel_bins: number of mel bins, C.
        metadata: entries beyond those that sherpa-onnx needs.

    Raises:
        TuneAsrError: both exporters of torch fail.
    """
    recurrent = any(isinstance(module, nn.RNNBase) for module in encoder.modules())
    routes: list[Route] = [_trace, _export] if recurrent else [_export, _trace]
    lengths = torch.tensor(TRACED_LENGTHS)
    features = torch.randn(len(lengths), max(TRACED_LENGTHS), num_mel_bins, generator=torch.Generator().manual_seed(0))
    failures = []
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns about packages that are not needed
    for route in routes:
        try:
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")
                route(encoder, (features, lengths), path)
        except Exception as error:  # the exporters raise errors of any class
            failures.append(f"{type(error).__name__}: {first_line(error)}")
        else:
            return _finish(path, metadata)
    raise TuneAsrError(f"{type(encoder).__qualname__} cannot be exported to ONNX: {'; '.join(failures)}")


def run(session: onnxruntime.InferenceSession, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Run the encoder by onnxruntime."""
    found = session.run(OUTPUTS, {"x": features.numpy().astype(np.float32), "x_lens": lengths.numpy()})
    log_probs, log_probs_len = (torch.from_numpy(value) for value in found)
    return log_probs, log_probs_len


def _export(encoder: nn.Module, example: tuple[Tensor, Tensor], path: Path) -> None:
    free = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        encoder,
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=INPUTS,
        output_names=OUTPUTS,
        dynamic_shapes=({0: free, 1: free}, {0: free}),
        verbose=False,
    )
    assert program is not None
    program.save(str(path), external_data=False)


def _trace(encoder: nn.Module, example: tuple[Tensor, Tensor], path: Path) -> None:
    torch.onnx.export(
        encoder,
        example,
        str(path),
        dynamo=False,
        opset_version=OPSET,
        input_names=INPUTS,
        output_names=OUTPUTS,
        dynamic_axes={"x": {0: "N", 1: "T"}, "x_lens": {0: "N"}, "log_probs": {0: "N"}, "log_probs_len": {0: "N"}},
    )


def _finish(path: Path, metadata: Mapping[str, str]) -> None:
    """Add the metadata; remove the exporter's paths of source files."""
    model = onnx.load(str(path))
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer):
        value.ClearField("metadata_props")
        value.ClearField("doc_string")
    entries = {"model_type": "zipformer2_ctc", "version": "1", "model_author": "tune_asr", **metadata}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, entries)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
