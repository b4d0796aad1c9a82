"""Search that was interrupted, as a person edits and resumes it; nothing is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.written_search import Search
from tune_asr.config.load import from_values
from tune_asr.corpus.sources import survey
from tune_asr.record.search_yaml import flat, read_search_yaml, write_search_yaml
from tune_asr.search import __main__ as door
from tune_asr.search.description import versions

DATA = {"num_train": 16, "num_val": 8, "alphabet": "abcd", "num_words": 20}
SPACE = {
    "param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}},
    "search": {"algorithm": "random", "num_samples": 2},
    "asha": {"mode": "waves"},
}
NOBODY = "127.0.0.1:9"


class Interrupted(Search):
    """Search of two trials of four epochs, the second of which is interrupted."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(root)
        self._capsys = capsys
        fingerprint = survey(from_values({"data": DATA}, "test")).corpus.fingerprint
        config = from_values({"data": DATA, "trainer": {"max_epochs": 4}}, "test").model_dump(mode="json")
        self.describe(space=SPACE, config=config, versions=versions(), data_fingerprint=fingerprint)
        self.log("search_started", slots=1, search_yaml=flat(read_search_yaml(self.folder.search_yaml)))
        self.log("plan", trials=2, horizon=4, slots=1, cause="start")
        self.log("wave", wave=1, trials=2)
        for number, epochs in (("00000", 4), ("00001", 2)):
            self.trial(**{"optimizer.lr": 0.001})
            for _ in range(epochs):
                self.epoch(number, [2])
        self.log("finished", trial="00000")
        self.log("paused", trial="00001", epoch=2)
        self.log("search_ended", status="interrupted")

    def finish(self) -> None:
        self.log("search_started", slots=1)
        self.log("finished", trial="00001")
        self.conclude()

    def edit(self, *keys: str, to: object) -> None:
        """Change search.yaml by hand."""
        values = yaml.safe_load(self.folder.search_yaml.read_text())
        node = values
        for key in keys[:-1]:
            node = node.setdefault(key, {})
        node[keys[-1]] = to
        write_search_yaml(self.folder.search_yaml, values)

    def resume(self, *flags: str, expect: int = 2) -> str:
        """Resume up to the search for Ray, whose address nobody answers at (exit code 6).

        Returns what is printed.
        """
        address = ("--address", NOBODY) if expect == 6 else ()
        assert door.main(["--resume", str(self.folder.root), *address, *flags]) == expect
        captured = self._capsys.readouterr()
        return captured.err if expect == 2 else captured.out
