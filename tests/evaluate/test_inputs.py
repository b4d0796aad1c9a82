"""Manifests with mistakes, recordings, and what is refused."""

import json
import math
import shutil
import sys

import pytest
import soundfile

from tune_asr.evaluate.__main__ import main as evaluate_main
from tune_asr.speech.audio.recordings import read


@pytest.fixture
def model(bundle):
    return bundle


def lenient(bundle, folder, share=0.5):
    """Copy a bundle whose training passed bad rows over."""
    from tune_asr.inference import seal

    shutil.copytree(bundle, folder)
    values = json.loads((folder / "config.json").read_text())
    values["training"]["data"] |= {"skip_bad": True, "max_bad_fraction": share}
    seal.seal(folder, {key: value for key, value in values.items() if key not in ("format", "hashes", "sha256")})
    return folder


@pytest.fixture
def faulty(speech, tmp_path):
    """Validation manifest with a missing recording in line 3."""
    rows = [json.loads(line) for line in (speech / "val.jsonl").open()]
    for row in rows:
        row["audio_filepath"] = str(speech / row["audio_filepath"])
    rows[2]["audio_filepath"] = "gone.wav"
    path = tmp_path / "faulty.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_bad_row_is_refused_as_in_training(evaluate, model, faulty, speech, tmp_path, capsys):
    from tune_asr.train.__main__ import main

    refused = evaluate(model, faulty, expect=3).err
    assert f"{faulty}:3: {tmp_path}/gone.wav does not exist" in refused
    (tmp_path / "config.yaml").write_text("data: {target: manifest}\n")
    settings = (f"data.train={speech}/train.jsonl", f"data.val={faulty}")
    assert main(["--config", "config.yaml", "--dry-run", *(x for s in settings for x in ("--set", s))]) == 3
    assert refused in capsys.readouterr().err


def test_bad_row_is_passed_over(evaluate, model, faulty, tmp_path, rows):
    ended = evaluate(lenient(model, tmp_path / "lenient"), faulty, "--output", "it.jsonl")
    *_, passed_over = rows(tmp_path / "it.jsonl")
    assert (passed_over["place"], len(rows(tmp_path / "it.jsonl"))) == (f"{faulty}:3", 8)
    assert "gone.wav does not exist" in passed_over["reason"]
    assert (ended.scores["utterances"], ended.scores["bad_rows"]) == (7, 1)
    assert f"bad rows: 1, dropped (data.skip_bad)\n  {faulty}:3" in ended.err


def test_too_many_bad_rows_are_refused(evaluate, model, faulty, tmp_path):
    refused = evaluate(lenient(model, tmp_path / "lenient", 0.1), faulty, expect=3).err
    assert "1 of 8 rows (12.5%) are bad, but data.skip_bad drops at most data.max_bad_fraction, 0.1" in refused
    assert "Correct them." in refused and "raise data.max_bad_fraction" not in refused  # it is that of the model


def test_recordings_are_transcribed_in_order(evaluate, model, speech, rows):
    paths = [speech / "val" / f"val-0000{i}.wav" for i in (2, 0, 1)]
    evaluate(model, speech / "val.jsonl", "--output", "it.jsonl")
    texts = {row["id"]: row["hypothesis"] for row in rows("it.jsonl")}
    ended = evaluate(model, *paths, "--output", "texts.jsonl")
    assert ended.out == "".join(f"{path}\t{texts[path.stem]}\n" for path in paths)
    assert [row["id"] for row in rows("texts.jsonl")] == [str(path) for path in paths]


def test_recordings_by_checkpoint(evaluate, model, searched, speech):
    path = speech / "val" / "val-00001.wav"
    assert evaluate(searched.root / "results/space/best.ckpt", path).out == evaluate(model, path).out


def test_bad_recordings_are_named_before_decoding(evaluate, model, speech, tmp_path):
    (tmp_path / "page.mp3").write_text("<html>")
    good = speech / "val" / "val-00000.wav"
    refused = evaluate(model, good, "page.mp3", "gone.wav", expect=3)
    assert refused.out == ""
    assert "page.mp3" in refused.err and "gone.wav does not exist" in refused.err
    passed = evaluate(lenient(model, tmp_path / "lenient", 0.7), good, "page.mp3", "gone.wav")
    assert passed.out.startswith(f"{good}\t") and passed.out.count("\n") == 1
    assert "bad rows: 2, dropped" in passed.err


@pytest.fixture
def broken(speech, tmp_path):
    """Recording with a right header, and samples that are not finite."""
    samples, rate = soundfile.read(speech / "val" / "val-00000.wav", dtype="float32")
    samples[100] = math.nan
    soundfile.write(tmp_path / "broken.wav", samples, rate, subtype="FLOAT")
    return tmp_path / "broken.wav"


def test_samples_passed_over_are_in_output(evaluate, model, speech, broken, tmp_path, rows):
    good = speech / "val" / "val-00000.wav"
    lenient_model = lenient(model, tmp_path / "lenient")
    for paths in ((good, broken), (broken, good)):  # the second time the file of the first is replaced
        ended = evaluate(lenient_model, *paths, "--output", "it.jsonl")
        assert ended.out.startswith(f"{good}\t") and ended.out.count("\n") == 1
        text, passed_over = rows("it.jsonl")
        assert (text["id"], passed_over["place"]) == (str(good), str(broken))
        assert passed_over["reason"] in ended.err


def test_too_many_broken_samples_are_refused(evaluate, model, speech, broken, tmp_path):
    good = speech / "val" / "val-00000.wav"
    refused = evaluate(lenient(model, tmp_path / "lenient", 0.4), good, broken, "--output", "it.jsonl", expect=3)
    assert str(broken) in refused.err and "passed over" not in refused.err
    assert not (tmp_path / "it.jsonl").exists()


def test_output_that_begins_with_a_row_passed_over_is_replaced(evaluate, model, speech, broken, tmp_path, rows):
    lenient_model = lenient(model, tmp_path / "lenient", 1.0)
    evaluate(lenient_model, broken, "--output", "it.jsonl")
    assert [row.keys() for row in rows("it.jsonl")] == [{"place", "reason"}]
    evaluate(lenient_model, speech / "val" / "val-00000.wav", "--output", "it.jsonl")
    assert [row.keys() for row in rows("it.jsonl")] == [{"id", "hypothesis"}]


def test_other_rates_are_resampled(evaluate, model, searched, speech, tmp_path):
    """The bundle and the checkpoint resample alike."""
    samples, _ = read(speech / "val" / "val-00000.wav")
    soundfile.write(tmp_path / "fast.wav", samples.repeat(2), 16000)
    of_bundle = evaluate(model, "fast.wav").out
    assert of_bundle == evaluate(searched.root / "results/space", "fast.wav").out


def test_tables_name_speakers_and_worst(evaluate, searched, speech):
    """Of an epoch that has learnt little."""
    checkpoint = min(searched.root.glob("results/space/checkpoints/00000/*/checkpoint.ckpt"))
    ended = evaluate(checkpoint, speech / "train.jsonl")
    assert ended.scores["utterances"] == 48
    lines = ended.err.splitlines()
    speakers = [line.split()[0] for line in lines[lines.index(next(li for li in lines if "speaker " in li)) + 1 :][:2]]
    assert sorted(speakers) == ["x", "y"]
    assert max(map(len, lines)) <= 80


def test_comparison_is_paired(evaluate, searched, model, speech, rows):
    root = searched.root / "results/space"
    ended = evaluate(root, speech / "val.jsonl", "--compare", model, "--output", "it.jsonl")
    said = " ".join(ended.err.split())
    assert "tie: they have the same number of errors in each of 8 utterances." in said
    assert "8 of 8 texts are the same." in said
    assert ended.scores == evaluate(root, speech / "val.jsonl").scores
    assert all(row["compared"]["hypothesis"] == row["hypothesis"] for row in rows("it.jsonl"))


REFUSALS = {
    "no model": (["gone", "{val}"], 5, "gone: MODEL does not exist"),
    "no other model": (["{bundle}", "{val}", "--compare", "gone"], 5, "gone: --compare does not exist"),
    "no checkpoint": (["{val}", "{val}"], 5, "val.jsonl: not a checkpoint, or damaged"),
    "file of a bundle": (["{bundle}/model.onnx", "{val}"], 5, "this is one file of a bundle\n    Give its folder"),
    "folder without a search": (["{speech}", "{val}"], 5, "this is not a results folder"),
    "trial of a bundle": (["{bundle}", "{val}", "--trial", "0"], 2, "--trial 0 chooses a trial of a search, but"),
    "no such trial": (["{results}", "{val}", "--trial", "9"], 2, "--trial"),
    "two manifests": (["{bundle}", "{val}", "{val}"], 2, "one manifest is evaluated at a time"),
    "manifest and recording": (["{bundle}", "{val}", "{speech}/val/val-00000.wav"], 2, "is a manifest"),
    "unknown ending and recording": (["{bundle}", "a.xyz", "a.wav"], 2, "a.xyz has no ending of a recording, so it"),
    "comparison of recordings": (["{bundle}", "a.wav", "--compare", "{bundle}"], 2, "--compare needs references"),
    "samples without a header": (["{bundle}", "a.raw"], 3, "a.raw does not exist"),
    "comparison with itself": (["{bundle}", "{val}", "--compare", "{bundle}"], 2, "is the model itself"),
    "no manifest": (["{bundle}", "gone.jsonl"], 3, "gone.jsonl: the manifest does not exist"),
    "unknown manifest": (["{bundle}", "{results}/best.ckpt"], 3, "a manifest ends in .jsonl"),
    "output in no folder": (["{bundle}", "{val}", "--output", "gone/it.jsonl"], 5, "there is no folder"),
    "output is a folder": (["{bundle}", "{val}", "--output", "."], 2, "--output .: this is a folder"),
    "output is the manifest": (
        ["{bundle}", "{val}", "--output", "{val}"],
        2,
        "this file exists, and is no earlier output",
    ),
    "output is the other model": (
        ["{results}", "{val}", "--compare", "{bundle}", "--output", "{bundle}/model.onnx"],
        2,
        "model.onnx: this file exists",
    ),
    "output is the ledger": (["{results}", "{val}", "--output", "{results}/trials.jsonl"], 2, "it is not overwritten"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name, evaluate, bundle, searched, speech):
    arguments, code, message = REFUSALS[name]
    places = {"bundle": bundle, "results": searched.root / "results/space", "speech": speech}
    given = [text.format(val=speech / "val.jsonl", **places) for text in arguments]
    ended = evaluate(*given, expect=code)
    assert message in ended.err and ended.out == ""
    assert "Traceback" not in ended.err


def test_altered_bundle_is_refused(evaluate, bundle, speech, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    content = bytearray((copy / "model.onnx").read_bytes())
    content[-1] ^= 1
    (copy / "model.onnx").write_bytes(content)
    assert "model.onnx was altered" in evaluate(copy, speech / "val.jsonl", expect=5).err


def test_missing_onnxruntime_is_explained(evaluate, bundle, speech, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused = evaluate(bundle, speech / "val.jsonl", expect=2).err
    assert refused.endswith("which needs onnxruntime, not installed here\n    Run pip install onnxruntime.\n")


def test_module_without_forward_is_refused(evaluate, config, speech, tmp_path):
    from tune_asr.config.load import from_values
    from tune_asr.training.fit import fit

    model = {"target": "tests.programs.custom_training.Recogniser"}
    values = from_values({**config, "model": model, "trainer": {"max_epochs": 1}}, "custom")
    fit(values, lambda _result, last, save: last and save(tmp_path / "it.ckpt"))
    assert "Recogniser has no forward" in evaluate("it.ckpt", speech / "val.jsonl", expect=2).err


@pytest.mark.parametrize(("given", "what"), [("", "'' names no file"), ("s3://b/a.wav", "s3://b/a.wav is an address")])
def test_no_file_at_all_is_wrong_usage(given, what, capsys):
    with pytest.raises(SystemExit) as end:
        evaluate_main(["bundle", given])
    assert end.value.code == 2
    assert what in capsys.readouterr().err
