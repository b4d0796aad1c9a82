"""Resume under other versions: one line, no refusal."""

from __future__ import annotations

from tune_asr.config.load import from_values
from tune_asr.corpus.sources import survey
from tune_asr.search import __main__ as door
from tune_asr.search.description import versions as running

DATA = {"num_train": 16, "num_val": 8, "alphabet": "abcd", "num_words": 20}
NOBODY = "127.0.0.1:9"


def resumed(search, capsys, versions) -> list[str]:
    """Return the output of a resume up to its search for Ray."""
    found = survey(from_values({"data": DATA}, "test"))
    search.describe(config={"data": DATA}, space={}, versions=versions, data_fingerprint=found.corpus.fingerprint)
    assert door.main(["--resume", str(search.folder.root), "--address", NOBODY]) == 6
    captured = capsys.readouterr()
    assert f"no Ray answers at {NOBODY}" in captured.err
    return captured.out.splitlines()


def test_changed_versions_are_one_line(search, capsys):
    lines = resumed(search, capsys, running() | {"torch": "1.0", "python": "2.7"})
    (line,) = (line for line in lines if "versions" in line)
    assert line.startswith("the search began with other versions (python 2.7, now 3.")
    assert ", torch 1.0, now 2." in line
    assert line.endswith("): results may differ in their last digits")


def test_the_same_versions_are_not_mentioned(search, capsys):
    assert not any("versions" in line for line in resumed(search, capsys, running()))
