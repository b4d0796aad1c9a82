"""Survey, references and test set agree on the configuration."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from tune_asr.config.load import from_values
from tune_asr.corpus.sources import TestSet, read_test_set, references, survey
from tune_asr.errors import DataError
from tune_asr.speech.audio.recordings import FileAudio


@pytest.fixture
def manifests(tmp_path):
    """Write manifests of one-second recordings; return their `data` section."""

    def write(**splits):
        for split, texts in splits.items():
            rows = []
            for number, text in enumerate(texts):
                name = f"{split}{number}.wav"
                soundfile.write(tmp_path / name, np.random.default_rng(number).normal(0, 0.1, 8000), 8000)
                rows.append(json.dumps({"audio_filepath": name, "text": text}))
            (tmp_path / f"{split}.jsonl").write_text("\n".join(rows))
        return {"target": "manifest", **{split: str(tmp_path / f"{split}.jsonl") for split in splits}}

    return write


def config_of(data, **sections):
    return from_values({"data": data, "features": {"sample_rate": 8000}, **sections}, "test")


def of_survey(config):
    return {utterance.id: utterance.text for utterance in survey(config).corpus.val}


@pytest.mark.parametrize("punctuation", ["keep", "remove"])
def test_references_are_those_of_survey(manifests, punctuation):
    data = manifests(train=["One.", "Two!"], val=["Three?", "Four..."])
    config = config_of(data, text={"punctuation": punctuation})
    assert references(config) == of_survey(config)
    assert set(references(config)) == {"val0", "val1"}


def test_held_out_references_come_from_train(manifests):
    data = manifests(train=[f"word {number}" for number in range(12)])
    config = config_of(data | {"val": {"hold_out": 0.4, "by": "random"}})
    held_out = of_survey(config)
    assert held_out and held_out.items() < references(config).items()


def test_synthetic_references_are_those_of_survey():
    config = config_of({"target": "synthetic", "num_train": 3, "num_val": 4})
    assert references(config) == of_survey(config)
    assert len(references(config)) == 4


def test_custom_data_are_unknown():
    config = config_of({"target": "own.Data"})
    assert (survey(config), references(config), read_test_set(config)) == (None, {}, TestSet())


def test_word_pieces_by_configuration(manifests):
    data = manifests(train=["one two three four"], val=["one"])
    pieces = survey(config_of(data, text={"unit": "bpe", "vocab_size": 16})).corpus.vocabulary
    assert pieces.units != survey(config_of(data)).corpus.vocabulary.units


def test_several_manifests_are_one_corpus(manifests):
    """The fingerprint of a single path is that of a list of it."""
    data = manifests(train=["one", "two"], val=["three"], test=["four"])
    alone = survey(config_of(data))
    listed = config_of(data | {split: [data[split]] for split in ("train", "val", "test")})
    assert survey(listed).corpus == alone.corpus
    assert read_test_set(listed) == read_test_set(config_of(data))

    several = config_of(data | {"val": [data["val"], data["test"]], "test": None})
    assert references(several) == of_survey(several) == {"val0": "three", "test0": "four"}
    assert survey(several).corpus.fingerprint != alone.corpus.fingerprint


def test_pair_is_validation_and_test(manifests, tmp_path):
    data = manifests(train=["one", "two"])
    recording = {"id": "r", "sources": [{"type": "file", "channels": [0], "source": "train1.wav"}]}
    (tmp_path / "r.jsonl").write_text(json.dumps(recording))
    supervision = {"id": "s", "recording_id": "r", "start": 0.25, "duration": 0.5, "channel": 0, "text": "Two"}
    (tmp_path / "s.jsonl").write_text(json.dumps(supervision))
    pair = {"recordings": str(tmp_path / "r.jsonl"), "supervisions": str(tmp_path / "s.jsonl")}
    config = config_of(data | {"val": pair, "test": pair})
    [utterance] = survey(config).corpus.val
    assert utterance.audio == FileAudio(tmp_path / "train1.wav", 2000, 4000)
    assert references(config) == {"s": "two"}
    assert read_test_set(config).utterances == (utterance,)


def test_channels_are_not_read_by_rules_1(manifests, tmp_path):
    data = manifests(train=["one", "two"], val=["three"])
    path = tmp_path / "val.jsonl"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"channel": 0}))
    channels = [survey(config_of(data, text={"rules": rules})).corpus.val[0].audio.channel for rules in (1, 2)]
    assert channels == [None, 0]


def test_bad_rows_of_test_set(manifests, tmp_path):
    data = manifests(train=["one"], val=["two"], test=["three", "...", "four"])
    with pytest.raises(DataError, match=r"test\.jsonl:2: the text '\.\.\.' is empty"):
        read_test_set(config_of(data))
    found = read_test_set(config_of(data | {"skip_bad": True, "max_bad_fraction": 0.4}))
    assert ([utterance.text for utterance in found.utterances], found.num_dropped) == (["three", "four"], 1)
