"""A user's own LightningModule and LightningDataModule, by dotted path, from the working directory."""

import signal

import pytest

MODULE = '''
import os
import signal

import lightning.pytorch as pl
import torch
import torch.nn.functional as F

from tune_asr.training.metrics import CER, WER


class Recogniser(pl.LightningModule):
    """As the README asks: built with vocab, scheduler and blank_id, logs val_wer, val_cer and val_loss."""

    def __init__(self, vocab, scheduler, blank_id, width=16, says="", at=1):
        super().__init__()
        assert vocab[blank_id] == "<blk>" and scheduler["name"] in ("constant", "cosine", "plateau")
        self.vocab, self.blank_id, self.says, self.at = vocab, blank_id, says, at
        self.net = torch.nn.Sequential(torch.nn.Linear(40, width), torch.nn.Tanh(), torch.nn.Linear(width, len(vocab)))
        self.wer, self.cer = WER(), CER()

    def loss(self, batch):
        log_probs = self.net(batch.features / 10).log_softmax(-1)
        return F.ctc_loss(
            log_probs.transpose(0, 1), batch.tokens, batch.feature_lengths, batch.token_lengths, self.blank_id
        )

    def training_step(self, batch, batch_idx):
        if self.current_epoch == self.at:
            if self.says in ("TERM", "INT"):
                os.kill(os.getpid(), getattr(signal, f"SIG{self.says}"))
            if self.says == "nan":
                return self.loss(batch) * float("nan")
            if self.says == "skip":
                return None
        return self.loss(batch)

    def validation_step(self, batch, batch_idx):
        hypotheses = ["".join(batch.texts)] * len(batch.texts)
        self.wer.update(batch.texts, hypotheses)
        self.cer.update(batch.texts, hypotheses)
        loss = torch.tensor(-1.0) if self.says == "score" else self.loss(batch)
        self.log("val_loss", loss, batch_size=len(batch.texts))
        if self.says != "no val_wer":
            self.log("val_wer", self.wer)
        self.log("val_cer", self.cer)

    def on_save_checkpoint(self, checkpoint):
        if self.says == "TERM in a save" and self.current_epoch == self.at:
            os.kill(os.getpid(), signal.SIGTERM)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


class Data(pl.LightningDataModule):
    vocab = ["<blk>", "a", "b", " "]
    blank_id = 0

    def __init__(self, size=6, frames=40, endless=False):
        super().__init__()
        self.size, self.frames, self.endless = size, frames, endless

    def train_dataloader(self):
        from torch.utils.data import DataLoader

        from tune_asr.training.batching import Example, collate

        torch.manual_seed(0)
        features = [torch.randn(self.frames, 40) for _ in range(self.size)]
        examples = [Example(x, torch.tensor([1, 3, 2]), "a b", f"u{i}") for i, x in enumerate(features)]
        return DataLoader(Stream(examples) if self.endless else examples, batch_size=2, collate_fn=collate)

    val_dataloader = train_dataloader


class Stream(torch.utils.data.IterableDataset):
    def __init__(self, examples):
        self.examples = examples

    def __iter__(self):
        return iter(self.examples)


class Untaught(pl.LightningModule):
    def __init__(self, vocab, scheduler, blank_id):
        super().__init__()


class NoModule:
    pass
'''


@pytest.fixture
def recogniser(own):
    return own(MODULE)


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
        ("model", {"target": "{}.Recogniser", "says": "no val_wer"}, "Recogniser does not log val_wer in validation"),
        ("model", {"target": "{}.Recogniser", "says": "score"}, "logs a val_loss of -1, but it must be 0 or more, as"),
    ],
)
def test_mistakes_of_custom_classes(train, recogniser, section, keys, message):
    train.write(**{section: {**keys, "target": keys["target"].format(recogniser)}})
    ended = train(expect=2)
    assert message in ended.refusal
    assert checkpoints(train) == []


def test_token_outside_vocabulary(train, own):
    train.write(data={"target": f"{own(MODULE.replace('[1, 3, 2]', '[1, 4, 2]'))}.Data"})
    assert "token 1 of utterance 0 is 4, but must be in 0..3" in train(expect=3).err


def test_late_divergence_keeps_best(train, recogniser):
    train.write(model={"target": f"{recogniser}.Recogniser", "says": "nan", "at": 2}, trainer={"max_epochs": 4})
    ended = train()
    assert "the training diverged: the training loss is nan in epoch 3, batch 1" in ended.err
    assert ended.best["checkpoint"] in checkpoints(train)
    assert ended.best["epoch"] in (1, 2)


def test_divergence_after_resume_keeps_history(train, recogniser):
    train.write(model={"target": f"{recogniser}.Recogniser", "says": "nan", "at": 2}, trainer={"max_epochs": 4})
    first = train()
    resumed = train("--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=01.ckpt")
    assert resumed.best == first.best


def test_skipped_batch_is_no_divergence(train, recogniser):
    train.write(model={"target": f"{recogniser}.Recogniser", "says": "skip"})
    assert "epoch   3/3" in train().err


@pytest.mark.parametrize("says", ["TERM", "INT", "TERM in a save"])
def test_signal_leaves_complete_checkpoints(train, recogniser, says):
    train.write(model={"target": f"{recogniser}.Recogniser", "says": says})
    number = signal.SIGINT if says == "INT" else signal.SIGTERM
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
