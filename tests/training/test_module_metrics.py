"""What SimpleCTCModule says about a validation pass."""

import jiwer
import lightning.pytorch as pl
import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from tune_asr.training.batching import Example, collate
from tune_asr.training.data import load_data
from tune_asr.training.fit import fit
from tune_asr.training.module import SimpleCTCModule


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkpoint that speaks but errs, its configuration and what was said about its epoch."""
    from tests.training.conftest import quick_config

    return None


def validate(module, data):
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    (metrics,) = trainer.validate(module, dataloaders=data, verbose=False)
    return metrics
