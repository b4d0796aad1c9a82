"""Custom module and data module, with faults on request."""

import os
import signal

import lightning.pytorch as pl
import torch
import torch.nn.functional as F

from tune_asr.training.metrics import CER, WER


class Recogniser(pl.LightningModule):
    """Recogniser that misbehaves in the epoch `at` as `fault` names it."""

    def __init__(self, vocab, scheduler, blank_id, width=16, fault="", at=1):
        super().__init__()
        assert vocab[blank_id] == "<blk>" and scheduler["name"] in ("constant", "cosine", "plateau")
        self.vocab, self.blank_id, self.fault, self.at = vocab, blank_id, fault, at
        self.net = torch.nn.Sequential(torch.nn.Linear(40, width), torch.nn.Tanh(), torch.nn.Linear(width, len(vocab)))
        self.wer, self.cer = WER(), CER()

    def loss(self, batch):
        log_probs = self.net(batch.features / 10).log_softmax(-1)
        return F.ctc_loss(
            log_probs.transpose(0, 1), batch.tokens, batch.feature_lengths, batch.token_lengths, self.blank_id
        )

    def training_step(self, batch, batch_idx):
        if self.current_epoch == self.at:
            if self.fault in ("TERM", "INT"):
                os.kill(os.getpid(), getattr(signal, f"SIG{self.fault}"))
            if self.fault == "nan":
                return self.loss(batch) * float("nan")
            if self.fault == "skip":
                return None
        return self.loss(batch)

    def validation_step(self, batch, batch_idx):
        hypotheses = ["".join(batch.texts)] * len(batch.texts)
        self.wer.update(batch.texts, hypotheses)
        self.cer.update(batch.texts, hypotheses)
        loss = torch.tensor(-1.0) if self.fault == "score" else self.loss(batch)
        self.log("val_loss", loss, batch_size=len(batch.texts))
        if self.fault != "no val_wer":
            self.log("val_wer", self.wer)
        self.log("val_cer", self.cer)

    def on_save_checkpoint(self, checkpoint):
        if self.fault == "TERM in a save" and self.current_epoch == self.at:
            os.kill(os.getpid(), signal.SIGTERM)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


class Data(pl.LightningDataModule):
    vocab = ("<blk>", "a", "b", " ")
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
