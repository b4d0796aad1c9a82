"""Custom modules and data modules, named by dotted path."""

import json
import signal

import pytest

PROGRAM = "custom_training.py"


@pytest.fixture
def recogniser(custom):
    return custom(PROGRAM)


def checkpoints(train):
    return sorted(path for path in train.files if path.startswith("artifacts/checkpoints"))


def test_custom_module_gets_parameters(train, recogniser):
    train.write(model={"target": f"{recogniser}.Recogniser", "width": 5})
    best = train("checkpoint.save_top_k=9").best
    assert len(checkpoints(train)) == 3
    assert train.checkpoint(best["checkpoint"])["state_dict"]["net.0.weight"].shape == (5, 40)
    assert best["val_wer"] > 0


def test_custom_data_with_built_in_model(train, recogniser):
    train.write(data={"target": f"{recogniser}.Data", "size": 4}, trainer={"max_epochs": 2})
    ended = train()
    assert ended.best["val_loss"] > 0
    assert "characters a second" not in ended.err  # no data report


def test_custom_module_resumes(train, recogniser):
    train.write(model={"target": f"{recogniser}.Recogniser"})
    whole = train("checkpoint.save_top_k=9")
    resumed = train("--resume-from-checkpoint", checkpoints(train)[0], "checkpoint.save_top_k=9")
    assert resumed.best == whole.best
    assert "epoch   2/3" in resumed.err
    assert "epoch   1/3" not in resumed.err


@pytest.mark.parametrize(
    ("section", "keys", "message"),
    [
        (
            "model",
            {"target": "{}.Recogniser", "widht": 3},
            "model.widht: Recogniser has no such parameter\n    Did you mean width?",
        ),
        ("model", {"target": "{}.Recogniser", "vocab": []}, "model.vocab: cannot be set"),
        ("model", {"target": "{}.Recogniser", "width": "x"}, "model.target: Recogniser cannot be built: TypeError"),
        ("model", {"target": "{}.Untaught"}, "Lightning refuses the training: No `training_step()` method defined"),
        ("model", {"target": "{}.Recognizer"}, "has no Recognizer\n    Did you mean Recogniser?"),
        ("model", {"target": "{}.NoModule"}, "NoModule is not a LightningModule"),
        ("model", {"target": "{}.Data"}, "Data is not a LightningModule"),
        ("model", {"target": "nowhere.Recogniser"}, "model.target: nowhere cannot be imported: ModuleNotFoundError"),
        ("data", {"target": "{}.Recogniser"}, "Recogniser is not a LightningDataModule"),
        ("data", {"target": "{}.Data", "sise": 3}, "data.sise: Data has no such parameter\n    Did you mean size?"),
        ("model", {"target": "{}.Recogniser", "fault": "no val_wer"}, "Recogniser does not log val_wer in validation"),
        ("model", {"target": "{}.Recogniser", "fault": "score"}, "logs a val_loss of -1, but it must be 0 or more, as"),
    ],
)
def test_mistakes_of_custom_classes(train, recogniser, section, keys, message):
    train.write(**{section: {**keys, "target": keys["target"].format(recogniser)}})
    ended = train(expect=2)
    assert message in ended.refusal
    assert checkpoints(train) == []


def test_missing_class_of_a_base_has_its_place(train):
    (train.root / "low.yaml").write_text("seed: 1\nmodel:\n  target: nowhere.Recogniser\n")
    (train.root / "config.yaml").write_text("base: low.yaml\n")
    assert train(expect=2).refusal.startswith("error: low.yaml:3: model.target: nowhere cannot be imported")
    given = train("--dry-run", "model.target=elsewhere.Recogniser", expect=2).refusal
    assert given.startswith("error: --set model.target=elsewhere.Recogniser: elsewhere cannot be imported")


def test_token_outside_vocabulary(train, custom):
    train.write(data={"target": f"{custom(PROGRAM, '[1, 3, 2]', '[1, 4, 2]')}.Data"})
    assert "token 1 of utterance u0 is 4, but must be in 0..3" in train(expect=3).err


def test_late_divergence_keeps_best(train, recogniser):
    train.write(model={"target": f"{recogniser}.Recogniser", "fault": "nan", "at": 2}, trainer={"max_epochs": 4})
    ended = train()
    assert "the training diverged: the training loss is nan in epoch 3, batch 1" in ended.err
    assert ended.best["checkpoint"] in checkpoints(train)
    assert ended.best["epoch"] in (1, 2)


def test_divergence_after_resume_keeps_history(train, recogniser):
    train.write(model={"target": f"{recogniser}.Recogniser", "fault": "nan", "at": 2}, trainer={"max_epochs": 4})
    first = train()
    resumed = train("--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=01.ckpt")
    assert resumed.best == first.best


def test_skipped_batch_is_no_divergence(train, recogniser):
    train.write(model={"target": f"{recogniser}.Recogniser", "fault": "skip"})
    assert "epoch   3/3" in train().err


@pytest.mark.parametrize("fault", ["TERM", "INT", "TERM in a save"])
def test_signal_leaves_complete_checkpoints(train, recogniser, fault):
    train.write(model={"target": f"{recogniser}.Recogniser", "fault": fault})
    number = signal.SIGINT if fault == "INT" else signal.SIGTERM
    ended = train("optimizer.betas=[0.9, 0.99]", expect=128 + number)
    checkpoint = "artifacts/checkpoints/ctc-epoch=00.ckpt"
    assert ended.err.splitlines()[-2:] == [
        "interrupted: resume with",
        "    python -m tune_asr.train --config config.yaml --set 'optimizer.betas=[0.9, 0.99]' "
        f"--resume-from-checkpoint {checkpoint}",
    ]
    assert ended.out == ""
    assert checkpoints(train) == [checkpoint]
    assert train.checkpoint(checkpoint)["epoch"] == 0
    train.write(model={"target": f"{recogniser}.Recogniser"})
    train("--resume-from-checkpoint", checkpoint)
    assert "artifacts/checkpoints/ctc-epoch=02.ckpt" in checkpoints(train)


def test_data_without_length_need_limit(train, recogniser):
    train.write(data={"target": f"{recogniser}.Data", "endless": True}, trainer={"max_epochs": 1})
    assert "the training DataLoader has no length" in train(expect=2).err
    assert train("trainer.limit_train_batches=2").best["epoch"] == 1


def test_infeasible_custom_data_are_refused(train, recogniser):
    train.write(data={"target": f"{recogniser}.Data", "frames": 8})  # 2 output frames, 3 tokens
    assert "6 of 6 training transcripts are too long for their frames, but at most 1 % may be" in train(expect=3).err
    assert train("model.subsampling=2").best["epoch"] > 0


@pytest.mark.parametrize("section", ["data", "model"])
def test_dry_run_imports_custom_class(train, section):
    train.write(**{section: {"target": "nowhere.Class"}})
    assert f"{section}.target: nowhere cannot be imported" in train("--dry-run", expect=2).err


def test_dry_run_without_data_report(train, recogniser):
    train.write(data={"target": f"{recogniser}.Data"})
    ended = train("--dry-run", "--json", "report.json")
    assert json.loads((train.root / "report.json").read_text())["data"] is None
    assert ended.out == ""
    assert ended.err.strip() == "the configuration has no mistakes; custom data have no data report"
