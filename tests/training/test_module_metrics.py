"""What SimpleCTCModule says about a validation pass, and what its checkpoint says again."""

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

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, quick):
    """The checkpoint of a training that speaks and errs, and the result of its last epoch."""
    path = tmp_path_factory.mktemp("trained") / "ctc.ckpt"
    results = []

    def sink(result, last, save):
        results.append(result)
        save(path)

    fit(quick(), sink)
    assert 0 < results[-1].scores.val_cer < 1
    return path, results[-1]


def validate(module, data):
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    given = {"datamodule": data} if isinstance(data, pl.LightningDataModule) else {"dataloaders": data}
    (metrics,) = trainer.validate(module, **given, verbose=False)
    return metrics


def test_checkpoint_loads_with_weights_only(trained):
    content = torch.load(trained[0], weights_only=True)
    expected = {"state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", "epoch", "global_step"}
    assert expected | {"hyper_parameters", "pytorch-lightning_version"} <= content.keys()
    assert content["epoch"] == 3


def test_loaded_checkpoint_repeats_its_metrics(trained, quick):
    path, result = trained
    module = SimpleCTCModule.load_from_checkpoint(path)
    metrics = validate(module, load_data(quick()).module)
    assert module.outcome().counts == result.counts
    assert module.outcome().utterances == result.utterances
    assert metrics["val_loss"] == result.scores.val_loss
    assert metrics["val_wer"] == pytest.approx(result.scores.val_wer)


def test_error_rates_equal_jiwer(trained):
    _, result = trained
    references = [utterance.reference for utterance in result.utterances]
    hypotheses = [utterance.hypothesis for utterance in result.utterances]
    assert len(references) == 12
    assert any(hypotheses)
    assert result.scores.val_wer == jiwer.wer(references, hypotheses)
    assert result.scores.val_cer == jiwer.cer(references, hypotheses)


def test_silence_shares_equal_single_utterances(trained, quick):
    path, result = trained
    module = SimpleCTCModule.load_from_checkpoint(path).eval()
    data = load_data(quick(data__batch_size=1)).module
    best = []
    for batch in data.val_dataloader():
        with torch.no_grad():
            log_probs, _ = module(batch.features, batch.feature_lengths)
        best += log_probs[0].argmax(-1).tolist()
    assert result.outcome.blank_share == best.count(module.blank_id) / len(best)
    assert result.outcome.empty_share == sum(u.hypothesis.split() == [] for u in result.utterances) / 12
    metrics = validate(module, data)
    assert metrics["val_blank_share"] == pytest.approx(result.outcome.blank_share)
    assert metrics["val_empty_share"] == pytest.approx(result.outcome.empty_share)


def test_silent_model_has_full_shares(trained, quick):
    module = SimpleCTCModule.load_from_checkpoint(trained[0])
    with torch.no_grad():
        module.encoder.output.bias[module.blank_id] = 1e4
    metrics = validate(module, load_data(quick()).module)
    assert (metrics["val_blank_share"], metrics["val_empty_share"]) == (1, 1)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_metrics_ignore_batch_size(trained, quick, batch_size):
    path, result = trained
    module = SimpleCTCModule.load_from_checkpoint(path)
    metrics = validate(module, load_data(quick(data__batch_size=batch_size)).module)
    assert metrics["val_loss"] == pytest.approx(result.scores.val_loss, rel=1e-5)
    assert module.outcome().counts == result.counts


@pytest.mark.filterwarnings("ignore:Trying to infer the `batch_size`")
def test_infeasible_utterances_count_as_errors(trained):
    """But are left out of the loss, which is in nats per token."""
    module = SimpleCTCModule.load_from_checkpoint(trained[0]).eval()
    torch.manual_seed(1)
    # at a subsampling of 4, 80 frames are 20 and 8 are 2: too few for "abc"
    texts, lengths = ["ab", "bc", "abc"], [80, 60, 8]
    examples = [
        Example(torch.randn(length, 40), torch.tensor([module.vocab.index(c) for c in text]), text, text)
        for text, length in zip(texts, lengths, strict=True)
    ]
    metrics = validate(module, DataLoader(examples, batch_size=2, collate_fn=collate))
    nats = 0.0
    for example in examples[:2]:
        with torch.no_grad():
            log_probs, output_lengths = module(example.features[None], torch.tensor([len(example.features)]))
        tokens = example.tokens[None]
        nats += F.ctc_loss(
            log_probs.transpose(0, 1), tokens, output_lengths, torch.tensor([tokens.shape[1]]), reduction="sum"
        ).item()
    assert metrics["val_loss"] == pytest.approx(nats / 4, rel=1e-5)
    assert module.outcome().counts.words == 3
    assert module.outcome().counts.characters == 7


def test_validation_counts_from_zero(trained, quick):
    module = SimpleCTCModule.load_from_checkpoint(trained[0])
    data = load_data(quick()).module
    first, second = validate(module, data), validate(module, data)
    assert first == second
    assert len(module.outcome().utterances) == 12
