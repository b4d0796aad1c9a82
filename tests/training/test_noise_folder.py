"""A folder of noise: read once a process, and what cannot be read in it is named."""

import shutil

import numpy as np
import pytest
import soundfile

from tune_asr.errors import DataError
from tune_asr.speech.audio import recordings as audio
from tune_asr.speech.audio.noise import folder_fingerprint, noises
from tune_asr.training.fit import fit


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "noise").mkdir()
    hiss = np.random.default_rng(0).uniform(-0.1, 0.1, 16000)
    for name in ("a", "b"):
        soundfile.write(tmp_path / "noise" / f"{name}.wav", hiss, 8000)
    return tmp_path / "noise"


def test_second_training_reuses_noise(quick, folder):
    config = quick(trainer__max_epochs=1, augment={"noise_p": 0.5, "noise_dir": str(folder)})
    histories = [fit(config, lambda *_: None)]
    shutil.rmtree(folder)
    histories.append(fit(config, lambda *_: None))
    assert histories[0] == histories[1]


def test_unreadable_noise_is_named(folder):
    (folder / "c.wav").symlink_to("/proc/self/mem")  # which opens, and gives an error where it is read
    with pytest.raises(DataError, match=r"augment.noise_dir: .*/c.wav cannot be read \(.*\)\n    Make it readable"):
        folder_fingerprint(folder)


def test_vanishing_noise_is_named(folder, monkeypatch):
    probe = audio.probe

    def last_look(path, rules):
        info = probe(path, rules)
        path.unlink()
        return info

    monkeypatch.setattr(audio, "probe", last_look)
    with pytest.raises(DataError, match=r"augment.noise_dir: .*/a.wav cannot be read \(No such file or directory\)"):
        noises(folder, 8000, decode=False)
