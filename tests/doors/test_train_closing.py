"""Closing table of `train`, and its file of alignments."""

import re
import shlex

import pytest

from tune_asr.scoring.counts import ErrorCounts, count_errors

ALIGNMENTS = "artifacts/checkpoints/ctc-epoch={:02d}.alignments.txt"


def closing(ended):
    """Return the texts of the closing table, by name."""
    rows, name = {}, ""
    for line in ended.err[ended.err.rindex("\nbest  ") + 1 :].splitlines():
        name = line[:12].strip() or name
        rows.setdefault(name, []).append(line[12:])
    return rows


def utterances(text):
    """Return the references and hypotheses in a file of alignments."""
    found = re.findall(r"^ref (.*)\nhyp (.*)$", text, re.MULTILINE)
    return [tuple(re.sub(r"\*+", "", side) for side in pair) for pair in found]


def test_stdout_has_only_json_line(train):
    ended = train.prepare("trainer.max_epochs=1")
    assert ended.out.count("\n") == 1
    assert ended.best["epoch"] == 1
    assert "\r" not in ended.err and "\x1b" not in ended.err


def test_closing_table_agrees_with_checkpoint(train):
    ended = train("checkpoint.weights=ema", "augment.speed=0.1")
    rows, best = closing(ended), ended.best
    parameters = sum(value.numel() for value in train.checkpoint(best["checkpoint"])["state_dict"].values())
    assert rows["best"] == [f"epoch {best['epoch']} of 3, of the moving average of the weights (ema)"]
    assert rows["CER"] == [f"{best['val_cer']:.2%}"]
    assert rows["checkpoint"] == [best["checkpoint"]]
    assert rows["model"] == [f"conv_ctc, {parameters:,} parameters"]
    assert re.fullmatch(r"trains at \d[\d,]* times real time, recognises at \d[\d,]* \(RTF \S+\)", rows["speed"][0])
    assert re.fullmatch(r"\d+% of the training frames", rows["padding"][0])
    assert rows["time"][0].endswith("3 epochs in all")
    low, high = map(float, re.search(r"\(95 %: ([\d.]+)-([\d.]+)\)", rows["WER"][0]).groups())
    assert rows["WER"][0].startswith(f"{best['val_wer']:.2%} ")
    assert low <= 100 * best["val_wer"] <= high


def test_alignments_sum_to_wer(train):
    ended = train("trainer.max_epochs=4", "optimizer.lr=0.02")
    rows, best = closing(ended), ended.best
    path = ALIGNMENTS.format(best["epoch"] - 1)
    text = (train.root / path).read_text()
    assert rows["utterances"] == [f"{path}: each with its errors, worst first"]
    pairs = utterances(text)
    counts = sum((count_errors(*pair) for pair in pairs), ErrorCounts())
    assert len(pairs) == 12
    assert counts.wer == best["val_wer"]
    totals = dict(re.findall(r"^words (.*): (\d+)$", text, re.MULTILINE))
    assert totals == {
        "substituted": str(counts.substitutions),
        "deleted": str(counts.deletions),
        "inserted": str(counts.insertions),
    }
    numbers = [int(number) for number in re.findall(r"^.*  (\d+) errors? in \d+ words?$", text, re.MULTILINE)]
    assert numbers == sorted(numbers, reverse=True)
    assert f"{totals['substituted']} substituted, {totals['deleted']} deleted" in rows["WER"][0]
    assert rows["characters"][0].split(", ")[0] in " ".join(text.split("characters substituted")[1].split())


def test_resume_after_end_rewrites_alignments(train):
    best = train.prepare("checkpoint.save_top_k=9").best
    path = train.root / ALIGNMENTS.format(best["epoch"] - 1)
    text = path.read_bytes()
    path.unlink()
    train("--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=02.ckpt", "checkpoint.save_top_k=9")
    assert path.read_bytes() == text


def test_alignments_follow_their_checkpoint(train):
    first = train.prepare("trainer.max_epochs=1")
    train("trainer.max_epochs=1", "seed=3")
    (aside,) = train.root.glob("artifacts/checkpoints/previous-*/ctc-epoch=00.alignments.txt")
    assert f"  {first.best['val_wer']:.2%}  " in first.err
    assert aside.with_name("ctc-epoch=00.ckpt").exists()
    train("--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=00.ckpt", "trainer.max_epochs=9", "seed=3")
    kept = {path.stem for path in (train.root / "artifacts/checkpoints").glob("*.ckpt")}
    assert {path.name.split(".")[0] for path in (train.root / "artifacts/checkpoints").glob("*.txt")} <= kept


STILL = "optimizer.lr=1e-12"  # nothing moves: no epoch but the first improves


@pytest.mark.parametrize(
    "end",
    [
        ("trainer.max_epochs=2",),
        ("early_stopping.stop_epoch=1",),
        ("early_stopping.patience=1", STILL),
        ("trainer.max_epochs=2", "early_stopping.stop_epoch=2"),
        ("trainer.max_epochs=2", "early_stopping.patience=1", STILL),
        ("early_stopping.stop_epoch=2", "early_stopping.patience=1", STILL),
    ],
)
def test_next_command_trains_longer(train, end):
    ended = train(*end)
    export, go_on = closing(ended)["next"]
    assert export == f"python -m tune_asr.export {ended.best['checkpoint']}"
    words = shlex.split(go_on)
    assert words[:5] == ["python", "-m", "tune_asr.train", "--config", "config.yaml"]
    train(*(word for word in words[5:] if word != "--set"))
    newest = max(path for path in train.files if path.endswith(".ckpt"))
    assert newest > words[-1]


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (("early_stopping.stop_epoch=2",), "2 of 3: early_stopping.stop_epoch is 2"),
        (("early_stopping.patience=1", STILL), "2 of 3: objective has not improved for 1 epoch"),
        (
            ("trainer.max_epochs=9", "early_stopping.patience=2", "early_stopping.min_delta=0.99"),
            "3 of 9: objective has not improved by more than 0.99 for 2 epochs",
        ),
    ],
)
def test_early_stop_is_explained(train, end, why):
    assert f"stopped early after epoch {why}" in train(*end).err.splitlines()


def test_full_training_is_no_early_stop(train):
    for ended in (train("early_stopping.stop_epoch=3"), train("early_stopping.stop_epoch=1", "--fast-dev-run")):
        assert "stopped early" not in ended.err


def test_characters_aligned_without_spaces(train):
    train.write(data={"num_train": 24, "num_val": 4, "min_words": 1, "max_words": 1, "alphabet": "abcdef"})
    ended = train("trainer.max_epochs=1", "logging.tensorboard=false", "model.dim=16")
    rows = closing(ended)
    assert "words" not in rows
    assert "(95 %:" in rows["CER"][0] and "(95 %:" not in rows["WER"][0]
    assert re.search(r" errors? in \d+ characters?$", (train.root / ALIGNMENTS.format(0)).read_text(), re.MULTILINE)
