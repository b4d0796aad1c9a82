"""Results folder, written event by event as the driver writes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.ledgers import event
from tune_asr.record import new_folder
from tune_asr.record.checkpoints import epoch_folder, write_checkpoint
from tune_asr.record.events import Event, Report, WordCounts
from tune_asr.record.ledger import Ledger
from tune_asr.record.search_yaml import flat, read_search_yaml, write_search_yaml
from tune_asr.record.snapshots import write_snapshots
from tune_asr.record.state import SearchState
from tune_asr.scoring.scores import Scores

DESCRIPTION = {
    "name": "lr",
    "created": "2026-01-01T00:00:00+00:00",
    "versions": {"python": "3.11.9", "tune_asr": "0.1.0"},
    "data_fingerprint": None,
    "metric": "val_wer",
    "seed": 17,
    "space": {"param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}}, "asha": {"max_t": 4}},
    "config": {"trainer": {"max_epochs": 4}},
    "slots": 2,
}
"""What a search.yaml says."""

WORDS = 10
"""In each utterance."""


class Search:
    """A results folder, its open ledger and the state that goes with it."""

    def __init__(self, root: Path) -> None:
        self.folder = new_folder.create(root)
        self.ledger = Ledger.open(self.folder.ledger)
        self.state = SearchState()

    def log(self, kind: str, **fields: Any) -> None:
        self.append(event(kind, **fields))

    def append(self, event: Event) -> None:
        for written in self.ledger.append(event):
            self.state.apply(written)

    def start(self, slots: int = 2) -> None:
        self.log("search_started", pid=1, host="here", address="local", slots=slots, resumed=False)

    def trial(self, **params: Any) -> str:
        """Create and start the next trial."""
        number = f"{len(self.state.trials):05d}"
        self.log("created", trial=number, params=params, seed=17)
        self.log("started", trial=number)
        return number

    def epoch(self, trial: str, errors: Sequence[int], *, loss: float = 1.0, checkpoint: bool = True) -> None:
        """Train an epoch after which utterance i has `errors[i]` wrong words of ten."""
        epoch = self.state.trials[trial].epoch + 1
        folder = epoch_folder(self.folder.checkpoints(trial), epoch)
        rows = [
            {
                "id": f"utt{i}",
                "words": WORDS,
                "substitutions": count,
                "deletions": 0,
                "insertions": 0,
                "hypothesis": "[red]a[/red]",
            }
            for i, count in enumerate(errors)
        ]
        if checkpoint:
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            weights = f"weights of {trial} at {epoch}".encode()
            write_checkpoint(
                folder,
                {
                    "checkpoint.ckpt": lambda path: path.write_bytes(weights),
                    "utterances.jsonl": lambda path: path.write_text(lines),
                },
            )
        wer = sum(errors) / (WORDS * len(errors))
        self.append(
            Report(
                trial=trial,
                epoch=epoch,
                scores=Scores(val_wer=wer, val_cer=wer / 2, val_loss=loss, objective=wer),
                counts=WordCounts(words=WORDS * len(errors), substitutions=sum(errors), deletions=0, insertions=0),
                train_seconds=1.5,
                val_seconds=0.5,
                seconds=2.0,
                checkpoint=str(folder.relative_to(self.folder.root)),
                last=False,
            )
        )

    def conclude(self) -> None:
        """Write the derived files and the end of a finished search."""
        config = read_search_yaml(self.folder.search_yaml)["config"]
        write_snapshots(self.folder, self.state, status="finished", metric="val_wer", config=config)
        self.log("search_ended", status="finished")

    def describe(self, **changes: Any) -> dict[str, Any]:
        """Write search.yaml, whole, with other values for some of its keys; returns what it says."""
        description = DESCRIPTION | changes
        write_search_yaml(self.folder.search_yaml, description)
        return description


def finished_search(root: Path) -> Search:
    """Write a finished search of two trials, of which the second, 00001, is the better one."""
    search = Search(root)
    space = {**DESCRIPTION["space"], "search": {"num_samples": 2, "algorithm": "random"}}
    search.describe(space=space)
    search.log("search_started", slots=2, search_yaml=flat(read_search_yaml(search.folder.search_yaml)))
    for lr, errors in ((0.001, (6, 5, 5, 4)), (0.002, (5, 4, 3, 2))):
        number = search.trial(**{"optimizer.lr": lr})
        for wrong in errors:
            search.epoch(number, [wrong, wrong])
        search.log("finished", trial=number)
    search.conclude()
    search.ledger.close()
    return search
