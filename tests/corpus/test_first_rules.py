"""Data under rules 1 are those of release 0.1.0, to the fingerprint."""

from __future__ import annotations

from tests.apostrophes import FINGERPRINT_OF_0_1_0, write_recordings
from tune_asr.config.load import from_values
from tune_asr.corpus.sources import survey


def surveyed(folder, **text):
    data = {"target": "manifest", "train": str(folder / "train.jsonl"), "val": str(folder / "val.jsonl")}
    return survey(from_values({"data": data, "text": text}, "test")).corpus


def test_rules_1_give_the_fingerprint_of_0_1_0(tmp_path):
    write_recordings(tmp_path)
    corpus = surveyed(tmp_path, rules=1)
    assert corpus.fingerprint == FINGERPRINT_OF_0_1_0
    assert [u.text for u in corpus.train[:3]] == ["don't stop", "don't go", "o zbek l'été"]


def test_rules_2_have_a_fingerprint_of_their_own(tmp_path):
    write_recordings(tmp_path)
    corpus = surveyed(tmp_path)
    assert corpus.fingerprint != FINGERPRINT_OF_0_1_0
    assert [u.text for u in corpus.train] == (
        ["don't stop", "don't go", "o'zbek l'été", "ทำ ok", "10 2 go", "l·l it's", "stop it", "go'n don't"]
    )
