"""`train --dry-run --json`: the data report for programs."""

import json

import numpy as np
import pytest
import soundfile


@pytest.fixture
def recorded(train):
    """Configuration of three recordings, one of them in both splits."""
    for number, name in enumerate("abc"):
        noise = np.random.default_rng(number).normal(0, 0.1, 16000)
        soundfile.write(train.root / f"{name}.wav", noise, 8000)
    rows = {"train": [("a.wav", "one two"), ("b.wav", "three")], "val": [("c.wav", "one"), ("b.wav", "two four")]}
    for split, pairs in rows.items():
        lines = (json.dumps({"audio_filepath": audio, "text": text}) for audio, text in pairs)
        (train.root / f"{split}.jsonl").write_text("\n".join(lines))
    data = {"target": "manifest", "train": "train.jsonl", "val": "val.jsonl"}
    (train.root / "low.yaml").write_text(json.dumps({"data": data, "features": {"sample_rate": 8000}}))
    (train.root / "config.yaml").write_text("base: low.yaml")
    return train


def report(train) -> dict:
    return json.loads((train.root / "report.json").read_text())


def test_report_for_programs(recorded):
    ended = recorded("--dry-run", "--json", "report.json")
    found = report(recorded)
    assert (found["format"], found["exit_code"], found["error"]) == (1, 0, None)
    assert found["configuration"] == ["config.yaml", "low.yaml"]
    data = found["data"]
    assert data["train"]["utterances"] == 2 and data["val"]["words"] == 3
    assert data["val"]["seconds"] == dict.fromkeys(("min", "p50", "p90", "p99", "max"), 2.0)
    assert data["test"] is None
    assert data["recordings"] == {"8000": 3}
    assert data["ruler"]["points"]["0.5"] == pytest.approx(196 * (0.5 / 3) ** 0.5)
    assert (data["ruler"]["metric"], data["ruler"]["is_coarse"]) == ("val_wer", True)
    [row] = data["shared_rows"]
    places = (f"{recorded.root}/val.jsonl:2", f"{recorded.root}/train.jsonl:2")
    assert row == {"val": places[0], "train": places[1], "likeness": "recording", "name": "b.wav"}
    assert (data["unseen_words"], data["shared_texts"], data["unknown_characters"]) == (1, 0, {"f": 1, "u": 1})
    assert "2 training" not in ended.err


def test_refused_data_are_reported(recorded):
    (recorded.root / "b.wav").unlink()
    ended = recorded("--dry-run", "--json", "report.json", expect=3)
    found = report(recorded)
    assert found["exit_code"] == 3
    assert ended.err == f"error: {found['error']}\n"
    assert [row["place"].rpartition("/")[2] for row in found["data"]["bad_rows"]] == ["train.jsonl:2", "val.jsonl:2"]
    (recorded.root / "train.jsonl").unlink()
    recorded("--dry-run", "--json", "report.json", expect=3)
    assert report(recorded)["data"] is None
    assert "train.jsonl: the manifest does not exist" in report(recorded)["error"]


def test_documented_keys(recorded):
    """`configs/README.md` names each key, and no other."""
    from tests.conftest import REPOSITORY

    recorded("--dry-run", "--json", "report.json")
    text = (REPOSITORY / "configs/README.md").read_text()
    table = text[text.index("| `format`, `configuration`") : text.index("| `remarks`") + 20]
    missing = [key for key in (*report(recorded), *report(recorded)["data"]) if f"`{key}`" not in table]
    assert missing == []


def test_json_needs_a_dry_run(train):
    ended = train("--json", "report.json", expect=2)
    assert ended.err == "error: --json is given without --dry-run\n    Add --dry-run: the file holds its data report.\n"


def test_wrong_place_for_report(train):
    ended = train("--dry-run", "--json", "absent/report.json", expect=5)
    assert ended.out == ""
    assert "absent" in ended.err and "--json" in ended.err
    assert (
        "report.json" in train("--dry-run", "--json", "report.json", "model.dim=0", expect=2).err
        or train.files == set()
    )


def test_synthetic_speech_has_a_report(train):
    train("--dry-run", "--json", "report.json")
    assert report(train)["data"]["train"]["utterances"] == 56
    assert report(train)["data"]["recordings"] == {}


@pytest.mark.parametrize("name", ["train.jsonl", "a.wav", "low.yaml"])
def test_inputs_are_not_overwritten(recorded, name):
    before = (recorded.root / name).read_bytes()
    refused = recorded("--dry-run", "--json", name, expect=2).err
    assert f"--json {name}: this file exists, and is no earlier output" in refused
    assert (recorded.root / name).read_bytes() == before
