"""Bundles run by numpy and onnxruntime, against the PyTorch model that was exported."""

import torch

from tune_asr.config.load import from_values
from tune_asr.corpus.sources import survey
from tune_asr.evaluate.model import open_model
from tune_asr.export.weights import load
from tune_asr.speech.text.vocabulary import spelled
from tune_asr.training.checkpoints import load_checkpoint
from tune_asr.training.ctc import greedy_decode
from tune_asr.training.features.log_mel import log_mels


def test_bundle_writes_texts_of_pytorch(made):
    """Each encoder, word pieces and averaged weights among them, in one batch and one by one."""
    config = from_values(load_checkpoint(made.checkpoint)["origin"]["config"], made.name)
    recordings = [utterance.audio.samples() for utterance in survey(config).corpus.val]
    features = log_mels(recordings, sample_rate=8000, num_mel_bins=40)
    module = load(made.folder)
    with torch.inference_mode():
        batch = torch.nn.utils.rnn.pad_sequence(features, batch_first=True)
        found = greedy_decode(*module(batch, torch.tensor([len(frames) for frames in features])), module.blank_id)
    texts = [spelled(module.vocab, ids) for ids in found]
    assert any(texts)
    recogniser = open_model(made.folder, "bundle", None, print).recogniser
    assert recogniser.texts(recordings) == texts
    assert [text for recording in recordings for text in recogniser.texts([recording])] == texts
