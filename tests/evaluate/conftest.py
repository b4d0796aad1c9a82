"""Recordings in files, a search on them, and the door in this process."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile

from tune_asr.speech.audio.synthetic import synthesize_corpus

RECIPE = {
    "alphabet": "abcd",
    "num_words": 10,
    "words_per_utterance": (1, 2),
    "noise": 0.0,
}
SIZES = {"train": 48, "val": 8, "test": 6}


def write_manifest(folder, name, utterances, *, rate=8000):
    """Write recordings with their manifest; speakers take turns."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    rows = []
    for i, utterance in enumerate(utterances):
        samples, _ = utterance.audio.samples()
        # Float samples, so that the recordings are those of the corpus bit for bit.
        soundfile.write(folder / name / f"{utterance.id}.wav", samples, rate, subtype="FLOAT")
        audio = f"{name}/{utterance.id}.wav"
        rows.append({"id": utterance.id, "audio_filepath": audio, "text": utterance.text, "speaker": "xy"[i % 2]})
    path = folder / f"{name}.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@dataclass
class Ended:
    """End of a run of the door."""

    out: str
    err: str

    @property
    def scores(self) -> dict:
        """JSON object, which is all of standard output."""
        (line,) = self.out.splitlines()
        return json.loads(line)


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """Folder with manifests of training, validation and test."""
    folder = tmp_path_factory.mktemp("speech")
    corpus = synthesize_corpus(seed=3, num_train=54, num_val=8, sample_rate=8000, **RECIPE)
    for name, utterances in (("train", corpus.train[6:]), ("val", corpus.val), ("test", corpus.train[:6])):
        write_manifest(folder, name, utterances)
    return folder


@pytest.fixture(scope="session")
def config(speech):
    """Sections of a configuration that learns in seconds."""
    manifests = {name: str(speech / f"{name}.jsonl") for name in SIZES}
    return {
        "data": {"target": "manifest", "batch_size": 4, **manifests},
        "model": {"dim": 24, "num_layers": 2, "kernel_size": 5},
        "optimizer": {"lr": 0.01},
        "trainer": {"max_epochs": 8},
    }


@pytest.fixture(scope="session")
def searched(make_workspace, tmp_path_factory, config):
    """Results folder of a search of two trials."""
    workspace = make_workspace(tmp_path_factory.mktemp("searched"))
    workspace.write("config.yaml", config)
    space = {
        "config": "config.yaml",
        "param_space": {"model.dropout": {"grid_search": [0.0, 0.1]}},
        "search": {"num_samples": 1, "max_concurrent": 1, "include_base": False},
        "asha": {"grace_period": 8},
    }
    workspace.write("space.yaml", space)
    workspace.run("search", "--space", "space.yaml")
    return workspace


@pytest.fixture(scope="session")
def bundle(searched, tmp_path_factory):
    """Bundle of the best trial, beside the copy of the results folder that it was made of."""
    from tune_asr.export.__main__ import main

    output = tmp_path_factory.mktemp("bundle") / "bundle"
    results = shutil.copytree(searched.root / "results" / "space", output.with_name("space"))
    assert main([str(results), "--output", str(output)]) == 0
    return output


@pytest.fixture(scope="module", autouse=True)
def _signals(own_signals):
    """Let no test of a door keep its signal handlers."""


@pytest.fixture
def evaluate(tmp_path, monkeypatch, capsys):
    """Run the door in an empty folder."""
    from tune_asr.evaluate.__main__ import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments, expect=0):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert code == expect, f"exit {code}\n{out}\n{err}"
        assert not list(tmp_path.rglob(".tmp-*"))
        return Ended(out, err)

    return run


@pytest.fixture
def rows():
    """Read the file of `--output`."""
    return lambda path: [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.fixture(scope="session")
def manifest():
    return write_manifest
