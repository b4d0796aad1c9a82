"""Initial weights and noise are checked and hashed."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np
import pytest
import soundfile

from tune_asr.config.load import from_values
from tune_asr.corpus.beside import NUM_NOISES_CHECKED, check_beside, files_beside, initial_sha256, noise_fingerprint
from tune_asr.errors import ConfigError, DataError


def config_of(**sections):
    return from_values({"features": {"sample_rate": 8000}, **sections}, "test")


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "ctc.ckpt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data", "weights")
    return path


@pytest.fixture
def noise(tmp_path):
    for number in range(20):
        samples = np.random.default_rng(number).normal(0, 0.1, 8000)
        (tmp_path / "noise").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "noise" / f"{number:02d}.wav", samples, 8000)
    return tmp_path / "noise"


def test_weights_are_hashed_by_content(checkpoint):
    config = config_of(model={"init_from": str(checkpoint)})
    check_beside(config)
    assert initial_sha256(config) == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert files_beside(config) == [checkpoint]
    assert initial_sha256(config_of()) is None


def test_bundle_needs_weights_and_settings(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"w")
    config = config_of(model={"init_from": str(tmp_path)})
    with pytest.raises(ConfigError, match=r"not a bundle: it has no config\.json\n    Give a checkpoint"):
        check_beside(config)
    (tmp_path / "config.json").write_text("{}")
    check_beside(config)
    assert files_beside(config) == [tmp_path / "model.safetensors", tmp_path / "config.json"]


@pytest.mark.parametrize(("name", "wrong"), [("absent.ckpt", "no such file"), ("x" * 300, "no such file")])
def test_missing_weights_are_refused(tmp_path, name, wrong):
    with pytest.raises(ConfigError, match=f"model.init_from: .*{name}: {wrong}"):
        check_beside(config_of(model={"init_from": str(tmp_path / name)}))


def test_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "torn.ckpt").write_bytes(b"half")
    with pytest.raises(ConfigError, match="not a checkpoint, or a damaged one"):
        check_beside(config_of(model={"init_from": str(tmp_path / "torn.ckpt")}))


def test_every_node_checks_sample_of_noise(noise):
    config = config_of(augment={"noise_dir": str(noise), "noise_p": 0.5})
    check_beside(config)
    files = files_beside(config)
    assert 1 < len(files) <= NUM_NOISES_CHECKED
    assert set(files) < set(noise.iterdir())


def test_noise_matters_only_if_used(noise):
    config = config_of(augment={"noise_dir": str(noise), "noise_p": 0.5})
    before = noise_fingerprint(config, used=True)
    (noise / "00.wav").write_text("no audio")
    assert noise_fingerprint(config, used=False) is None
    assert noise_fingerprint(config, used=True) != before
    check_beside(config, adds_noise=False)
    with pytest.raises(DataError, match=r"00\.wav"):
        check_beside(config)
