"""ONNX model of a bundle, opened by onnxruntime on one CPU thread.

x (N, T, C) float32, x_lens (N,) int64  ->  log_probs (N, T', V) float32, log_probs_len (N,) int64
"""

from __future__ import annotations

from pathlib import Path

import onnxruntime

INPUTS, OUTPUTS = ["x", "x_lens"], ["log_probs", "log_probs_len"]


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX model on one CPU thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
