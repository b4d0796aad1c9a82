"""tokens.txt as sherpa-onnx reads it, and models that it refuses."""

import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from tune_asr.config.sections import Config
from tune_asr.errors import StorageError
from tune_asr.export import checks, sherpa
from tune_asr.export.agreement import Disagreement
from tune_asr.export.parity import Pass
from tune_asr.training.ctc import greedy_decode
from tune_asr.training.features.log_mel import log_mel

RATE, BINS = 8000, 24


@pytest.fixture(scope="module")
def argmax_bin(tmp_path_factory):
    """Write a model with its features as log-probabilities."""
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", BINS]),
        helper.make_tensor_value_info("x_lens", TensorProto.INT64, ["N"]),
    ]
    outputs = [
        helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["N", "T", BINS]),
        helper.make_tensor_value_info("log_probs_len", TensorProto.INT64, ["N"]),
    ]
    nodes = [
        helper.make_node("Identity", ["x"], ["log_probs"]),
        helper.make_node("Identity", ["x_lens"], ["log_probs_len"]),
    ]
    graph = helper.make_graph(nodes, "argmax", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"model_type": "zipformer2_ctc", "version": "1"})
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("blank_id", [0, BINS - 1])
def test_every_symbol_comes_back(argmax_bin, tmp_path, blank_id):
    vocab = list(" 'aéж漢#<|9\"\\_ßñ한ไबعअ中文字x")
    vocab[blank_id] = "blank"
    assert len(set(vocab)) == BINS
    sherpa.write_tokens(tmp_path / "tokens.txt", vocab, blank_id)
    random = np.random.default_rng(0)
    # Chirps from the lowest bin to the highest, so that each symbol is written.
    seconds = np.arange(4 * RATE) / RATE
    sweep = np.sin(2 * np.pi * (50 * seconds + 440 * seconds**2)).astype(np.float32) / 2
    noise = random.normal(0, 0.1, RATE).astype(np.float32)
    texts = sherpa.transcribe(argmax_bin, tmp_path / "tokens.txt", [(sweep, RATE), (noise, RATE)], rate=RATE, bins=BINS)

    expected = []
    for samples in (sweep, noise):
        features = log_mel(samples, RATE, sample_rate=RATE, num_mel_bins=BINS).unsqueeze(0)
        ids = greedy_decode(features, torch.tensor([features.shape[1]]), blank_id)[0]
        expected.append("".join(vocab[i] for i in ids))
    assert set(expected[0]) >= set(vocab) - {"blank", " "}
    assert [text.split() for text in texts] == [text.split() for text in expected]


def test_symbols_with_one_spelling_are_refused(tmp_path):
    with pytest.raises(StorageError, match="'▁' twice"):
        sherpa.write_tokens(tmp_path / "tokens.txt", ["<blk>", " ", "▁"], 0)


def test_refused_model_is_one_sentence(argmax_bin, tmp_path):
    (tmp_path / "tokens.txt").write_text("a 0\nb 1\n")  # no blank
    with pytest.raises(Disagreement, match=r"sherpa-onnx refuses the model \(exit code"):
        sherpa.check_loads(argmax_bin, tmp_path / "tokens.txt", rate=RATE, bins=BINS)


def test_missing_sherpa_onnx_is_reported(argmax_bin, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    (sentence,) = checks.check_sherpa(argmax_bin, tmp_path / "tokens.txt", Pass(), Config(), None)
    assert "not checked" in sentence
    assert "pip install sherpa-onnx" in sentence
