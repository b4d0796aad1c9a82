"""Files that release 0.1.0 wrote, opened and gone on with.

`tests/assets/README.md` says how they were made. Each test works on a copy, through the doors, as a user would. What
was trained here is held against the record to 1e-4, for another processor gives other last bits; where both sides were
trained here, bit for bit.
"""

import csv
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

ASSETS = Path(__file__).with_name("assets")
FIGURES = ("val_wer", "val_cer", "val_loss")
OF_A_RUN = {"time", "seconds", "train_seconds", "val_seconds", "process"}
"""Keys of the ledger that differ between two runs of a search."""
OF_THE_CHECKPOINT = {"epoch": 6, "val_wer": 0.25, "val_cer": 0.030303, "val_loss": 0.181760}
"""What release 0.1.0 itself made of its checkpoint after the last epoch."""


class Copies:
    """Copies of the assets in a workspace: `results/done` and `results/cut`, the rest under their names."""

    def __init__(self, workspace) -> None:
        self.root = workspace.root
        self.workspace = workspace
        shutil.copytree(ASSETS, self.root, dirs_exist_ok=True)
        (self.root / "results").mkdir()
        for asset, name in (("results-0.1.0", "done"), ("interrupted-0.1.0", "cut")):
            (self.root / asset).rename(self.root / "results" / name)

    def run(self, *commands: str) -> list[str]:
        """Run commands, two at a time, on the CPU; returns what each printed."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(self._run, commands))

    def _run(self, command: str) -> str:
        return self.workspace.run(*command.split(), CUDA_VISIBLE_DEVICES="").stdout

    def leaderboard(self, name: str) -> list[dict[str, str]]:
        with (self.root / "results" / name / "leaderboard.csv").open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def copies(make_workspace, tmp_path_factory):
    """Copies that stay as they are: what tests write stands beside them."""
    return Copies(make_workspace(tmp_path_factory.mktemp("assets")))


@pytest.fixture(scope="module")
def resumed(make_workspace, tmp_path_factory):
    """The interrupted search at its end, beside trainings of its trials that nobody interrupted."""
    copies = Copies(make_workspace(tmp_path_factory.mktemp("resumed")))
    paused = ASSETS / "interrupted-0.1.0" / "checkpoints" / "00003" / "epoch_005" / "checkpoint.ckpt"
    shutil.copy(paused, copies.root / "paused.ckpt")
    again = "train --config results/done/search.yaml --set logging.tensorboard=false --trial"
    copies.printed = copies.run(
        "search --resume results/cut",
        f"{again} 00004 --set checkpoint.dirpath=pending",
        f"{again} 00003 --set checkpoint.dirpath=paused --resume-from-checkpoint paused.ckpt",
        "search --resume results/done",
    )
    return copies


def last_object(printed: str) -> dict:
    return json.loads(printed.splitlines()[-1])


def figures(values: dict) -> dict[str, float]:
    return {name: values[name] for name in FIGURES}


def story(events: list[dict]) -> dict[str, list[tuple]]:
    """What became of each trial: its epochs, verdicts and end."""
    told: dict[str, list[tuple]] = {}
    for event in events:
        if event["event"] in ("report", "decision"):
            words = (event["event"], event["epoch"], event.get("rung"), event.get("verdict"))
            told.setdefault(event["trial"], []).append(words)
        elif event["event"] in ("created", "finished", "pruned", "diverged", "failed"):
            told.setdefault(event["trial"], []).append((event["event"],))
    return told


def tensors(value, path: str = "") -> dict[str, torch.Tensor]:
    """All tensors in nested dictionaries and lists, by their place."""
    if isinstance(value, torch.Tensor):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return {place: tensor for key, part in items for place, tensor in tensors(part, f"{path}/{key}").items()}


def assert_same_tensors(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours
    assert ours.keys() == theirs.keys()
    assert not [name for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])]


def assert_same_training(ours: Path, theirs: Path) -> None:
    """Hold weights and optimiser of two checkpoints against each other, bit for bit."""
    one, other = (torch.load(path, weights_only=True) for path in (ours, theirs))
    assert one["epoch"] == other["epoch"]
    for part in ("state_dict", "optimizer_states"):
        assert_same_tensors(tensors(one[part]), tensors(other[part]))


def test_reports_show_the_stored_leaderboards(copies):
    """Both folders are shown as release 0.1.0 had ranked their trials, on a terminal and as a page."""
    reports = copies.run(
        "report results/done",
        "report results/cut",
        "report results/done --html done.html",
        "report results/cut --html cut.html",
    )
    for name, report in zip(("done", "cut"), reports[:2], strict=True):
        page = (copies.root / f"{name}.html").read_text(encoding="utf-8")
        lines = [line.split() for line in report.splitlines()]
        for row in copies.leaderboard(name):
            words = [row["rank"], row["trial"], row["status"], row["epochs"]]
            words += [f"{100 * float(row['val_wer']):.1f}"] if row["val_wer"] else []
            assert words in [line[: len(words)] for line in lines]
            assert row["trial"] in page
            assert row["status"] in page
    assert "Best: trial 00003 at epoch 6" in reports[0]
    assert "(1 pending, 1 paused, 2 finished, 1 pruned)" in reports[1]


def test_the_winner_trains_to_its_record(copies):
    """`best.yaml` of release 0.1.0 still gives the figures of the ledger.

    Its bundle is a start for a training as well.
    """
    printed, _ = copies.run(
        "train --config results/done/best.yaml --set logging.tensorboard=false",
        "train --config train-0.1.0.yaml --set model.init_from=bundle-0.1.0 --fast-dev-run",
    )
    best = copies.leaderboard("done")[0]
    assert last_object(printed)["epoch"] == 6
    assert figures(last_object(printed)) == pytest.approx({name: float(best[name]) for name in FIGURES}, abs=1e-4)


def test_a_finished_search_stays_finished(resumed):
    """Resuming a search that is over says so, and its ledger stays as it was."""
    assert "the search is finished" in resumed.printed[3]
    stored = (ASSETS / "results-0.1.0" / "trials.jsonl").read_bytes()
    assert (resumed.root / "results" / "done" / "trials.jsonl").read_bytes() == stored


def test_an_interrupted_search_ends_alike(resumed):
    """The paused trial and the pending one end as in the search that nobody interrupted.

    Epochs, verdicts and ends are the same, figures to 1e-4; what stood in the ledger stands there unchanged.
    """
    stored = (ASSETS / "interrupted-0.1.0" / "trials.jsonl").read_bytes()
    assert (resumed.root / "results" / "cut" / "trials.jsonl").read_bytes().startswith(stored)
    ours, theirs = (resumed.workspace.ledger(name) for name in ("cut", "done"))
    assert story(ours) == story(theirs)
    assert ours[-1]["status"] == "finished"
    (start,) = (event for event in ours if event["event"] == "search_started" and event.get("search_yaml"))
    assert start["resumed"] and start["search_yaml"]["asha.grace_period"] == 2  # from now on changes by hand are seen
    recorded = {(event["trial"], event["epoch"]): event for event in theirs if event["event"] == "report"}
    for event in ours:
        if event["event"] == "report":
            expected = figures(recorded[event["trial"], event["epoch"]])
            assert figures(event) == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_a_new_search_repeats_the_record(copies):
    """A search of the same space by the rules of release 0.1.0 writes its ledger, but for times and new keys.

    Settings, seeds, counts and verdicts are the same, figures to 1e-4.
    """
    written = yaml.safe_load((ASSETS / "results-0.1.0" / "search.yaml").read_text(encoding="utf-8"))
    config, space = written["config"], written["space"]
    config["text"]["rules"] = 1
    space["asha"]["mode"] = "stop"
    space["search"] |= {"include_base": False, "stop": "never"}
    for name, values in (("base", config), ("again", {**space, "config": "base.yaml"})):
        (copies.root / f"{name}.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    copies.run("search --space again.yaml")
    ours, theirs = (
        [event for event in copies.workspace.ledger(name) if event["event"] not in ("search_started", "plan")]
        for name in ("again", "done")
    )
    assert len(ours) == len(theirs)
    for found, expected in zip(ours, theirs, strict=True):
        for key in expected.keys() - OF_A_RUN:
            is_rounded = isinstance(expected[key], float)
            assert found[key] == (pytest.approx(expected[key], abs=1e-4) if is_rounded else expected[key]), key


def test_a_paused_trial_trains_on_exactly(resumed):
    """The paused trial has the weights of a training that went on from the same checkpoint by itself."""
    trained = resumed.root / last_object(resumed.printed[2])["checkpoint"]
    assert_same_training(resumed.root / "results/cut/checkpoints/00003/epoch_006/checkpoint.ckpt", trained)


def test_a_pending_trial_trains_exactly(resumed):
    """The pending trial has the weights and the record of a training by `search.yaml --trial`."""
    again = last_object(resumed.printed[1])
    trained = resumed.root / again["checkpoint"]
    assert_same_training(resumed.root / "results/cut/checkpoints/00004/epoch_002/checkpoint.ckpt", trained)
    (row,) = (row for row in resumed.leaderboard("done") if row["trial"] == "00004")
    assert again["epoch"] == int(row["epochs"])
    assert figures(again) == pytest.approx({name: float(row[name]) for name in FIGURES}, abs=1e-4)


def test_a_training_resumes_from_its_checkpoint(copies):
    """A checkpoint of `train` goes on to the figures of release 0.1.0, stopped once more or not."""
    train = "train --config train-0.1.0.yaml --set checkpoint.dirpath="
    once, twice = copies.run(
        f"{train}once --resume-from-checkpoint checkpoint-0.1.0.ckpt",
        f"{train}twice --resume-from-checkpoint checkpoint-0.1.0.ckpt --set early_stopping.stop_epoch=5",
    )
    assert last_object(twice)["epoch"] == 5
    (twice,) = copies.run(f"{train}twice --resume-from-checkpoint {last_object(twice)['checkpoint']}")
    ends = [last_object(printed) for printed in (once, twice)]
    for end in ends:
        assert {"epoch": end["epoch"], **figures(end)} == pytest.approx(OF_THE_CHECKPOINT, abs=1e-4)
    assert_same_training(*(copies.root / end["checkpoint"] for end in ends))


def test_bundles_hold_the_same_weights(copies):
    """The folder and the checkpoint are exported, and the bundle of release 0.1.0 is whole.

    A bundle made now of the same folder has the weights, the symbols and the features of that one.
    """
    copies.run(
        "export results/done --output now",
        "export checkpoint-0.1.0.ckpt --output single",
        "export --verify bundle-0.1.0",
    )
    then, now, single = (copies.root / name for name in ("bundle-0.1.0", "now", "single"))
    assert_same_tensors(load_file(now / "model.safetensors"), load_file(then / "model.safetensors"))
    stored = torch.load(copies.root / "checkpoint-0.1.0.ckpt", weights_only=True)["state_dict"]
    assert_same_tensors(load_file(single / "model.safetensors"), stored)
    assert (now / "tokens.txt").read_bytes() == (then / "tokens.txt").read_bytes()
    ours, theirs = (json.loads((folder / "config.json").read_text(encoding="utf-8")) for folder in (now, then))
    for key in ("features", "vocabulary", "blank_id", "model"):
        assert ours[key] == theirs[key]
    added = {"rules": 1, "language": None, "tags": "keep"}
    assert ours["normaliser"] == theirs["normaliser"] | added
