"""Optimiser steps over several batches: the mean of their gradients."""

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from tune_asr.training.batching import Example, collate
from tune_asr.training.data import TrainingData
from tune_asr.training.prepare import build_module


@pytest.mark.parametrize(("accumulate", "steps"), [(1, 4), (3, 2), (8, 1)])
def test_accumulation_keeps_gradients(quick, accumulate, steps):
    """Equal batches give equal gradients, however many make a step."""
    config = quick(
        optimizer__lr=1e-12,
        model__dropout=0.0,
        augment={"n_freq_masks": 0, "n_time_masks": 0},
        trainer__accumulate_grad_batches=accumulate,
    )
    examples = [Example(torch.randn(40, 40), torch.tensor([1, 2]), "ab", f"u{i}") for i in range(2)] * 4
    data = TrainingData(pl.LightningDataModule(), vocab=("<blk>", "a", "b"))
    norms = []

    class Norms(pl.Callback):
        def on_before_zero_grad(self, trainer, pl_module, optimizer):
            gradients = [p.grad.flatten() for p in pl_module.parameters() if p.grad is not None]
            norms.extend([torch.cat(gradients).norm().item()] if gradients else [])

    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        accumulate_grad_batches=accumulate,
        callbacks=[Norms()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = build_module(config, data)
    trainer.fit(module, DataLoader(examples, batch_size=2, collate_fn=collate))
    norms.append(torch.cat([p.grad.flatten() for p in module.parameters()]).norm().item())
    assert len(norms) == steps
    assert norms == pytest.approx([norms[0]] * steps, rel=1e-5)
