"""Bundles of each built-in encoder and of averaged weights."""

import json
import os
import re
from dataclasses import asdict, replace

import onnx
import pytest
import torch
from lightning.pytorch import LightningDataModule

from tune_asr.config.load import from_values
from tune_asr.export import weights
from tune_asr.export.agreement import Disagreement
from tune_asr.export.build import export
from tune_asr.export.facts import blueprint_of, training_settings
from tune_asr.export.parity import ExportedModel, check_fresh_lengths
from tune_asr.export.recorded import read_recorded
from tune_asr.inference.session import open_session
from tune_asr.record.events import WordCounts
from tune_asr.training.checkpoints import RAW_WEIGHTS, load_checkpoint
from tune_asr.training.data import TrainingData


@pytest.fixture
def recorded(make):
    """Record of the fastest recogniser to train."""
    return read_recorded(make("bigru_ctc").checkpoint, name="it")


def facts(made):
    return json.loads((made.folder / "config.json").read_text())


def test_every_program_makes_same_texts(made):
    results = facts(made)["results"]["validation"]
    assert results["cer"] < 0.5, "a model that says nothing agrees with any other"
    for program in ("PyTorch, one by one", "onnxruntime, batched", "onnxruntime, one by one", r"sherpa-onnx [\d.]+"):
        assert any(re.fullmatch(rf"{program}: 8 of 8 the same\.", line) for line in made.said), made.said


def test_onnxruntime_agrees_at_any_length(made):
    module = weights.load(made.folder)
    recogniser = ExportedModel(module.encoder, open_session(made.folder / "model.onnx"), module.vocab, 0)
    assert check_fresh_lengths(recogniser, 40) < 1e-4


def test_onnx_metadata_without_local_paths(made):
    path = made.folder / "model.onnx"
    model = onnx.load(str(path))
    assert [value.name for value in model.graph.input] == ["x", "x_lens"]
    assert [value.name for value in model.graph.output] == ["log_probs", "log_probs_len"]
    assert model.graph.output[0].type.tensor_type.shape.dim[2].dim_value == len(facts(made)["vocabulary"])
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["model_type"] == "zipformer2_ctc"
    assert metadata["vocab_size"] == str(len(facts(made)["vocabulary"]))
    assert b"encoders/" not in path.read_bytes()
    assert b"site-packages" not in path.read_bytes()


def test_moving_average_is_exported(make):
    made = make("bigru_ctc, averaged")
    content = load_checkpoint(made.checkpoint)
    average, raw = content["state_dict"], content[RAW_WEIGHTS]
    exported = weights.load(made.folder).state_dict()
    assert all(torch.equal(exported[name], average[name]) for name in average)
    assert not all(torch.equal(exported[name], raw[name]) for name in raw)
    assert facts(made)["weights"] == "ema"
    assert "exponential moving average (EMA)" in (made.folder / "README.md").read_text()


def test_card_names_raw_weights(make):
    made = make("bigru_ctc")
    assert facts(made)["weights"] == "raw"
    card = (made.folder / "README.md").read_text()
    assert "those after the last step" in card
    assert "Training started from" not in card


def test_bundle_has_no_local_paths(recorded, tmp_path):
    config = recorded.config
    here = {"model": config.model.model_copy(update={"init_from": "/secret/start.ckpt"})}
    here["augment"] = config.augment.model_copy(update={"noise_dir": "/secret/noise"})
    export(
        replace(recorded, config=config.model_copy(update=here)),
        tmp_path / "bundle",
        say=lambda _: None,
    )
    assert all(b"/secret" not in path.read_bytes() for path in (tmp_path / "bundle").iterdir())


def test_card_describes_training(make):
    made = make("conv_ctc, word pieces")
    card = (made.folder / "README.md").read_text()
    assert "Trained for 20 epochs of a horizon of 20 (`trainer.max_epochs`), seed 17." in card
    assert "| data | batch_size `4`, max_frames_in_batch `null`, bucketing `true`, target `synthetic`, " in card
    assert "unit `bpe`, vocab_size `12`" in card


@pytest.mark.parametrize(
    ("val", "shown"),
    [
        ("/secret/val.jsonl", {}),
        (["/secret/val.jsonl"], {}),
        ({"recordings": "/secret/r.jsonl", "supervisions": "/secret/s.jsonl"}, {}),
        ({"hold_out": 0.1, "by": "speaker"}, {"hold_out": 0.1, "by": "speaker"}),
    ],
)
def test_settings_of_manifests_omit_files(recorded, val, shown):
    files = {"train": "/secret/train.jsonl", "test": "/secret/test.jsonl"}
    values = recorded.config.model_dump() | {"data": {"target": "manifest", "val": val, "max_seconds": 15.0, **files}}
    described = replace(recorded, config=from_values(values, "it"))
    blueprint = blueprint_of(described, TrainingData(LightningDataModule(), ()))
    known = {**asdict(blueprint), **training_settings(described.config)}
    assert "/secret" not in json.dumps(known)
    data = known["data"]
    assert data.get("val", {}) == shown
    assert (data["max_seconds"], data["batch_size"], data["skip_bad"]) == (15.0, 16, False)


@pytest.mark.parametrize("sha256", ["ab" * 32, None])
def test_card_names_initial_weights(recorded, tmp_path, sha256):
    values = recorded.config.model_dump()
    values["model"] |= {"init_from": "/secret/start.ckpt", "freeze_steps": 5}
    started = replace(recorded, config=from_values(values, "it"), initial_sha256=sha256)
    export(started, tmp_path / "bundle", say=lambda _: None)
    card = (tmp_path / "bundle" / "README.md").read_text()
    known = f"SHA-256 `{sha256}`" if sha256 else "its SHA-256 is not on record"
    assert f"Training started from the weights of `start.ckpt` (`model.init_from`; {known})." in card
    config_json = json.loads((tmp_path / "bundle" / "config.json").read_text())
    assert config_json["initial_weights"] == {"file": "start.ckpt", "sha256": sha256}


def test_unreached_record_leaves_no_folder(recorded, tmp_path):
    wrong = replace(recorded, figures=replace(recorded.figures, counts=WordCounts(words=1)))
    with pytest.raises(Disagreement, match=r"words is 1 on record and \d+ now"):
        export(wrong, tmp_path / "bundle", say=lambda _: None)
    assert not list(tmp_path.iterdir())


def test_closed_pipe_is_no_storage_error(recorded, tmp_path):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed, pytest.raises(BrokenPipeError):
        export(
            recorded,
            tmp_path / "bundle",
            say=lambda line: os.write(closed.fileno(), line.encode()) and None,
        )
    assert not list(tmp_path.iterdir())
