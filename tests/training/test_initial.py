"""Initial weights: copied, drawn anew, or refused."""

import hashlib
import json

import pytest
import torch

from tune_asr.errors import ConfigError, SettingError
from tune_asr.training.data import load_data
from tune_asr.training.fit import fit
from tune_asr.training.initial import check_initial, initialise
from tune_asr.training.prepare import build_module


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, quick):
    """Recogniser of the letters a to f."""
    path = tmp_path_factory.mktemp("donor") / "ctc.ckpt"
    fit(quick(trainer__max_epochs=2), lambda result, last, save: save(path))
    return path


@pytest.fixture
def started(quick):
    def start(path, **keys):
        config = quick(**{"model__init_from": str(path), **keys})
        module = build_module(config, load_data(config))
        before = {name: value.clone() for name, value in module.state_dict().items()}
        initialise(module, config)
        return module, before

    return start


def test_same_vocabulary_copies_all_weights(checkpoint, started):
    module, _ = started(checkpoint)
    theirs = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(value, theirs[name]) for name, value in module.state_dict().items())


def test_new_vocabulary_keeps_shared_rows(checkpoint, started):
    module, before = started(checkpoint, data__alphabet="defxyz")
    content = torch.load(checkpoint, weights_only=True)
    old_vocab, theirs = content["hyper_parameters"]["vocab"], content["state_dict"]["encoder.output.weight"]
    assert set("dfx") <= set(module.vocab) and "x" not in old_vocab
    for row, symbol in enumerate(module.vocab):
        drawn = before["encoder.output.weight"][row]
        expected = theirs[old_vocab.index(symbol)] if symbol in old_vocab else drawn
        assert torch.equal(module.encoder.output.weight[row], expected), symbol
    name = "encoder.blocks.0.depthwise.conv.weight"
    assert torch.equal(module.state_dict()[name], content["state_dict"][name])


def test_word_pieces_take_over_encoder(checkpoint, started, quick, tmp_path):
    """From characters to word pieces and back; the output layer follows its symbols."""
    pieces = {"text__unit": "bpe", "text__vocab_size": 40}
    fit(quick(trainer__max_epochs=1, **pieces), lambda result, last, save: save(tmp_path / "pieces.ckpt"))
    for path, keys in ((checkpoint, pieces), (tmp_path / "pieces.ckpt", {})):
        module, before = started(path, **keys)
        content = torch.load(path, weights_only=True)
        old_vocab, theirs = content["hyper_parameters"]["vocab"], content["state_dict"]
        assert set(old_vocab) & set(module.vocab) == {"<blk>", " ", *"abcdef"}
        for row, symbol in enumerate(module.vocab):
            name = "encoder.output.weight"
            taken = theirs[name][old_vocab.index(symbol)] if symbol in old_vocab else before[name][row]
            assert torch.equal(module.state_dict()[name][row], taken), symbol
        name = "encoder.blocks.0.depthwise.conv.weight"
        assert torch.equal(module.state_dict()[name], theirs[name])


def test_safetensors_hold_the_same_weights(checkpoint, started, tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    content = torch.load(checkpoint, weights_only=True)
    weights = {name: value.contiguous() for name, value in content["state_dict"].items()}
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match=r"model.safetensors, with its vocabulary in config.json beside it, cannot"):
        started(tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"vocabulary": content["hyper_parameters"]["vocab"]}))
    module, _ = started(tmp_path / "model.safetensors")
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())


def silent(checkpoint, folder):
    """The same weights in a checkpoint without settings."""
    content = torch.load(checkpoint, weights_only=True)
    content["hyper_parameters"] = {"vocab": content["hyper_parameters"]["vocab"]}
    torch.save(content, folder / "silent.ckpt")
    return folder / "silent.ckpt"


def test_other_shapes_are_named(checkpoint, started, tmp_path):
    """The file does not have the settings."""
    path = silent(checkpoint, tmp_path)
    with pytest.raises(
        ConfigError, match=r"model.init_from: \S+: encoder\.\S+ is \(24, .* there and \(16, .* here; .*more\n"
    ):
        started(path, model__dim=16)
    with pytest.raises(ConfigError, match=r"encoder.blocks.2.\S+ is absent there and \(24,"):
        started(path, model__num_layers=3)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"model__subsampling": 2}, "model.subsampling is 4 there and 2 here\n +Give the sections"),
        ({"features__sample_rate": 16000}, "features.sample_rate is 8000 there and 16000 here"),
        ({"model__dim": 16, "model__num_layers": 3}, "model.dim is 24 there and 16 here; model.num_layers is 2 there"),
        ({"model": {"target": "bigru_ctc", "dim": 24}}, "model.target is 'conv_ctc' there and 'bigru_ctc' here"),
    ],
)
def test_other_settings_are_named(checkpoint, started, quick, keys, message):
    """Shapes may agree."""
    with pytest.raises(ConfigError, match=message):
        if "model" in keys:
            check_initial(quick(model={**keys["model"], "init_from": str(checkpoint)}))
        else:
            started(checkpoint, **keys)


def test_check_agrees_with_start(checkpoint, quick, tmp_path):
    """A check needs no module, and has the same message."""
    check_initial(quick(model__init_from=str(checkpoint)))
    with pytest.raises(ConfigError, match=r"encoder.blocks.2.\S+ is absent there and \(24,"):
        check_initial(quick(model__init_from=str(silent(checkpoint, tmp_path)), model__num_layers=3))


def test_bundle_folder_is_accepted(checkpoint, started, tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    content = torch.load(checkpoint, weights_only=True)
    known = content["hyper_parameters"]
    save_file(
        {name: value.contiguous() for name, value in content["state_dict"].items()}, tmp_path / "model.safetensors"
    )
    model, features = dict(known["model"]), {"sample_rate": known["sample_rate"], "num_mel_bins": 40}
    (tmp_path / "config.json").write_text(
        json.dumps({"vocabulary": known["vocab"], "model": model, "features": features})
    )
    module, _ = started(tmp_path)
    assert all(torch.equal(value, content["state_dict"][name]) for name, value in module.state_dict().items())
    with pytest.raises(ConfigError, match=r"model.subsampling is 4 there and 2 here"):
        started(tmp_path, model__subsampling=2)


def test_foreign_weights_are_refused(started, tmp_path):
    with pytest.raises(ConfigError, match=r"model.init_from: .*nothing.ckpt: no such checkpoint"):
        started(tmp_path / "nothing.ckpt")
    torch.save({"state_dict": {"weight": torch.ones(1)}}, tmp_path / "other.ckpt")
    with pytest.raises(ConfigError, match=r"other.ckpt holds no built-in model"):
        started(tmp_path / "other.ckpt")
    torch.save({"state_dict": {"weight": torch.ones(1)}, "hyper_parameters": None}, tmp_path / "bare.ckpt")
    with pytest.raises(ConfigError, match=r"bare.ckpt holds no built-in model"):
        started(tmp_path / "bare.ckpt")
    (tmp_path / "torn.ckpt").write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"model.init_from: .*torn.ckpt: not a checkpoint, or damaged"):
        started(tmp_path / "torn.ckpt")


def test_frozen_steps_move_output_alone(checkpoint, quick, tmp_path, same):
    """A resume needs no initial weights."""
    copy = tmp_path / "donor.ckpt"
    copy.write_bytes(checkpoint.read_bytes())
    config = quick(
        model__init_from=str(copy), model__freeze_steps=9, optimizer__encoder_lr_scale=0.1, trainer__max_epochs=2
    )
    fit(config, lambda result, last, save: save(tmp_path / f"{result.epoch}.ckpt"))
    donor, first, second = (
        torch.load(path, weights_only=True)["state_dict"] for path in (copy, tmp_path / "1.ckpt", tmp_path / "2.ckpt")
    )
    moved = {name for name in donor if not torch.equal(donor[name], first[name])}
    assert moved == {"encoder.output.weight", "encoder.output.bias"}
    assert all(not torch.equal(first[name], second[name]) for name in donor)
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    copy.unlink()
    fit(config, lambda result, last, save: save(tmp_path / "resumed.ckpt"), resume_from=tmp_path / "1.ckpt")
    resumed = torch.load(tmp_path / "resumed.ckpt", weights_only=True)
    assert same(resumed["optimizer_states"], torch.load(tmp_path / "2.ckpt", weights_only=True)["optimizer_states"])
    assert same(resumed["state_dict"], second)
    assert resumed["origin"]["initial_sha256"] == digest, "it is said of weights that are there no more"


def test_encoder_frozen_forever_is_refused(checkpoint, quick):
    """A fast development run is allowed."""
    config = quick(model__init_from=str(checkpoint), model__freeze_steps=14, trainer__max_epochs=2)
    with pytest.raises(SettingError, match="freeze_steps is 14, but must be below the 14 optimiser steps of the hor"):
        fit(config, lambda result, last, save: None)
    assert fit(config, lambda result, last, save: None, fast_dev_run=True)
