"""Looks at the model's own test set."""

import json
import shutil

import pytest

from tune_asr.record.test_looks import TEST_LOOKS, TestLook, read_looks, record_look
from tune_asr.report.__main__ import main as report


@pytest.fixture
def results(searched, tmp_path):
    return shutil.copytree(searched.root / "results" / "space", tmp_path / "space")


def test_look_is_recorded_and_reported(evaluate, results, speech, capsys):
    ended = evaluate(results, speech / "test.jsonl")
    first = ended.err.splitlines()[0]
    assert first.startswith(f"{speech}/test.jsonl is the test set of {results}")
    (line,) = (results / TEST_LOOKS).read_text().splitlines()
    look, scores = json.loads(line), ended.scores
    assert {name: look[name] for name in ("utterances", "words", "wer", "cer")} == {
        name: scores[name] for name in ("utterances", "words", "wer", "cer")
    }
    assert report([str(results)]) == 0
    assert "The test set was looked at once by evaluate.\n" in capsys.readouterr().out
    other = "00001" if look["trial"] == "00000" else "00000"
    evaluate(results, speech / "test.jsonl", "--trial", other)
    assert report([str(results)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "The test set was looked at 2 times by evaluate, for 2 trials" in shown


def test_export_is_recorded_and_reported(bundle, capsys):
    (look,) = read_looks(bundle.parent / "space")
    on_card = json.loads((bundle / "config.json").read_text())["results"]["test"]
    assert (look.by, look.utterances, look.words) == ("export", on_card["utterances"], on_card["words"])
    assert report([str(bundle.parent / "space")]) == 0
    assert "The test set was looked at once by export.\n" in capsys.readouterr().out


def test_other_manifests_are_not_recorded(evaluate, results, speech):
    ended = evaluate(results, speech / "val.jsonl")
    assert "test set" not in ended.err
    assert not (results / TEST_LOOKS).exists()


def test_copy_of_test_set_is_recognised(evaluate, results, speech, tmp_path):
    """Under other names, in another format and order."""
    shutil.copytree(speech / "test", tmp_path / "copied" / "audio")
    rows = [json.loads(line) for line in (speech / "test.jsonl").open()]
    lines = [f"audio/{row['id']}.wav,{row['text'].upper()}!" for row in reversed(rows)]
    (tmp_path / "copied" / "it.csv").write_text("\n".join(["path,sentence", *lines, ""]))
    assert evaluate(results, "copied/it.csv").err.startswith("copied/it.csv is the test set of")
    (tmp_path / "copied" / "less.csv").write_text("\n".join(["path,sentence", *lines[1:], ""]))
    assert "test set" not in evaluate(results, "copied/less.csv").err
    assert len(read_looks(results)) == 1


@pytest.mark.parametrize("model", ["bundle", "checkpoint"])
def test_models_by_themselves_say_so(model, evaluate, bundle, results, speech):
    path = bundle if model == "bundle" else results / "best.ckpt"
    first = evaluate(path, speech / "test.jsonl").err.splitlines()[0]
    assert first.startswith(f"{speech}/test.jsonl is the test set of {path}") and "keeps no record" in first
    assert not (results / TEST_LOOKS).exists()


def test_compared_folder_records_too(evaluate, results, bundle, speech):
    lines = evaluate(bundle, speech / "test.jsonl", "--compare", results).err.splitlines()
    assert ["is the test set of" in line for line in lines[:3]] == [True, True, False]
    assert len(read_looks(results)) == 1


def test_damaged_lines_are_skipped(tmp_path):
    look = TestLook(trial="00003", epoch=2, manifest="t.jsonl", utterances=3, words=9, wer=0.5, cer=0.25)
    record_look(tmp_path, look)
    with (tmp_path / TEST_LOOKS).open("a") as file:
        file.write('[]\n{"trial": 3}\n\xff\n{"trial": "00003", "epo')
    (found,) = read_looks(tmp_path)
    assert (found.trial, found.wer) == ("00003", 0.5) and found.time.endswith("Z")


def test_look_after_a_torn_line_is_kept(tmp_path):
    look = TestLook(trial="00003", epoch=2, manifest="t.jsonl", utterances=3, words=9, wer=0.5, cer=0.25)
    (tmp_path / TEST_LOOKS).write_text('{"trial": "00003", "epo')
    record_look(tmp_path, look)
    record_look(tmp_path, look)
    assert len(read_looks(tmp_path)) == 2
