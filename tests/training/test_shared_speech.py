"""Speech shared by the trials of a process."""

import json

import numpy as np
import pytest
import soundfile

from tune_asr.config.load import from_values
from tune_asr.training.data import load_data


@pytest.fixture
def manifest(tmp_path):
    """Manifest of a dozen rows, parts of one recording of noise."""
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 8000 * 12), 8000)
    rows = [
        {"audio_filepath": "noise.wav", "text": "abc" * (1 + i % 3), "offset": i, "duration": 0.6} for i in range(12)
    ]
    path = tmp_path / "all.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def configured(manifest, **sections):
    data = {"target": "manifest", "train": str(manifest), "val": {"hold_out": 0.3, "by": "random"}}
    return from_values({"data": data | sections.pop("data", {}), **sections}, "test")


def test_other_features_reuse_corpus(manifest):
    """Trials of other features do not read the corpus again."""
    first = load_data(configured(manifest))
    manifest.unlink()
    other = load_data(configured(manifest, features={"num_mel_bins": 32}, data={"batch_size": 2}))
    assert other.fingerprint == first.fingerprint
    assert {batch.features.shape[2] for batch in other.module.val_dataloader()} == {32}


def test_replaced_recording_is_read_again(manifest):
    first = load_data(configured(manifest))
    recording = manifest.with_name("noise.wav")
    soundfile.write(recording, np.random.default_rng(1).normal(0, 0.1, 8000 * 12), 8000)
    other = load_data(configured(manifest, features={"num_mel_bins": 32}))
    assert other.fingerprint != first.fingerprint


def test_equal_features_share_tokens(manifest):
    """Lengths too."""
    first, second = (
        load_data(configured(manifest, model={"subsampling": subsampling}, data={"batch_size": subsampling}))
        for subsampling in (2, 4)
    )
    shared = second.module.train_dataloader().dataset
    assert first.module.train_dataloader().dataset is shared
    # 58 feature frames are 8 output frames at a subsampling of 8: too few for nine characters
    too_long = [utterance.id for utterance in shared.utterances if len(utterance.text) == 9]
    assert second.built_in.infeasible_training(4) == []
    assert second.built_in.infeasible_training(8) == too_long != []
