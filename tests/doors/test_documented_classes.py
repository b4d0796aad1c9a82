"""Module and data module of `configs/README.md`, unchanged."""

import sys

import pytest
import yaml


@pytest.fixture
def custom(train, documented):
    """Set up the door beside the documented files."""
    documented(train.root)
    (train.root / "own.yaml").rename(train.root / "config.yaml")
    yield train
    for name in ("recogniser", "pairs"):
        sys.modules.pop(name, None)


def test_documented_classes_learn(custom):
    ended = custom("data.batch_size=3", "early_stopping.enabled=false")
    assert ended.best["val_cer"] < 0.5
    assert "(95 %: " in ended.err
    assert ended.best["checkpoint"].replace(".ckpt", ".alignments.txt") in custom.files


def test_documented_classes_resume_exactly(custom):
    keys = ("data.batch_size=3", "trainer.max_epochs=3", "checkpoint.save_top_k=9", "scheduler.name=plateau")
    keys = (*keys, "scheduler.patience=0", "trainer.accumulate_grad_batches=3")
    whole = custom(*keys)
    last = custom.checkpoint("artifacts/checkpoints/ctc-epoch=02.ckpt")
    resumed = custom("--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=00.ckpt", *keys)
    again = custom.checkpoint("artifacts/checkpoints/ctc-epoch=02.ckpt")
    assert resumed.best == whole.best
    assert all(bool((value == again["state_dict"][name]).all()) for name, value in last["state_dict"].items())
    assert last["lr_schedulers"] == again["lr_schedulers"]


@pytest.mark.parametrize("section", ["model", "data"])
def test_documented_class_beside_built_in(custom, section):
    shown = yaml.safe_load((custom.root / "config.yaml").read_text())
    custom.write(**{section: shown[section]})
    assert custom("trainer.max_epochs=1").best["val_loss"] > 0


def test_network_parameter_and_hooks(custom):
    source = (custom.root / "recogniser.py").read_text()
    source = source.replace("lr=3e-3)", "lr=3e-3, activation=nn.SiLU)").replace("nn.SiLU()", "activation()")
    hooks = "".join(
        f"    def {hook}(self):\n        pass\n\n" for hook in ("on_train_epoch_start", "on_validation_epoch_start")
    )
    (custom.root / "recogniser.py").write_text(source.replace("    def forward", f"{hooks}    def forward"))
    keys = ("trainer.max_epochs=2", "checkpoint.save_top_k=9")
    ended = custom(*keys)
    assert ", 8 words: " in ended.err  # two in each of four utterances, and not those of each epoch
    custom("--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=00.ckpt", *keys)


def test_resume_after_end_repeats_rates(custom):
    keys = ("data.batch_size=3", "early_stopping.stop_epoch=2")
    rates = [
        [line for line in custom(*flags, *keys).err.splitlines() if line.startswith("WER")]
        for flags in ((), ("--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=01.ckpt"))
    ]
    assert rates[0] == rates[1]
    assert "(95 %: " in rates[0][0]


def test_plateau_schedule_in_custom_module(custom):
    source = (custom.root / "recogniser.py").read_text()
    (custom.root / "recogniser.py").write_text(source.replace("nn.BatchNorm1d(width)", "nn.Identity()"))
    # Nothing moves at such a rate, so each epoch but the first is one without improvement.
    custom("trainer.max_epochs=3", "scheduler={name: plateau, patience: 0, warmup_fraction: 0}", "model.lr=1e-12")
    content = custom.checkpoint("artifacts/checkpoints/ctc-epoch=02.ckpt")
    assert content["lr_schedulers"][0]["lr_lambdas"][0]["plateau_scale"] == 0.5**2
    assert content["optimizer_states"][0]["param_groups"][0]["lr"] == 1e-12 * 0.5**2


def test_documented_parameters_can_be_searched(custom):
    from tune_asr.search.__main__ import main

    (custom.root / "config.yaml").rename(custom.root / "own.yaml")
    assert main(["--space", "own_space.yaml", "--dry-run"]) == 0
    shown = custom.capsys.readouterr().out
    assert all(key in shown for key in ("model.width", "model.lr", "data.batch_size"))


@pytest.mark.parametrize(
    ("shown", "written", "message"),
    [
        ("return log_probs, ", "return log_probs  # ", "Recogniser.forward gives a Tensor, but must give log-prob"),
        (").mT.log_softmax", ").log_softmax", "but they must be (3, T', 5)"),
        (
            "(feature_lengths + 3) // 4",
            "feature_lengths",
            "lengths [75, 75, 75], but they must be 3 whole numbers in 0..19, the frames of",
        ),
        ("(feature_lengths + 3) // 4", "feature_lengths / 4", "but they must be 3 whole numbers in 0..19"),
        (".mT.log_softmax(-1)", ".mT", "values above 0, which no logarithm of a probability is\n    Let it return"),
        ("nn.Conv1d(40,", "nn.Conv1d(80,", "recogniser.py:16: forward raised RuntimeError: Given groups=1, weight of"),
    ],
)
def test_mistake_in_forward_is_explained(custom, shown, written, message):
    source = (custom.root / "recogniser.py").read_text()
    assert shown in source
    (custom.root / "recogniser.py").write_text(source.replace(shown, written))
    assert message in custom("data.batch_size=3", expect=2).refusal


def test_long_transcripts_of_custom_network(custom):
    (custom.root / "speech/train/0.txt").write_text("ab" * 30)
    message = (
        "1 of 12 training transcripts are too long for their frames, but at most 1 % may be\n    Let forward leave more"
    )
    assert message in custom(expect=3).refusal


def test_resume_names_other_symbols(custom):
    custom("trainer.max_epochs=1")
    (custom.root / "speech/train/0.txt").write_text("d")
    ended = custom("--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=00.ckpt", expect=2)
    assert "the vocabulary of data and text differs ('d' only here)" in ended.err


@pytest.mark.parametrize("split", ["train", "val"])
def test_persistent_workers_are_refused(custom, split):
    source = (custom.root / "pairs.py").read_text()
    loader = f"DataLoader(self.{split}, "
    kept = source.replace(loader, f"{loader}num_workers=1, persistent_workers=True, batch_size=")
    assert kept != source
    (custom.root / "pairs.py").write_text(kept)
    ended = custom(expect=2)
    assert f"{split}_dataloader has persistent_workers=True" in ended.refusal
    assert "Pass persistent_workers=False" in ended.refusal
