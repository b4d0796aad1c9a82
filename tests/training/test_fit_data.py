"""Data of `fit`: frames for transcripts, valid tokens, valid batches."""

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from tune_asr.errors import ConfigError, DataError
from tune_asr.scoring.metric import metric_for
from tune_asr.scoring.scores import objective
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.text.vocabulary import Vocabulary
from tune_asr.training.batching import Example, collate
from tune_asr.training.data import SpeechDataModule, training_data
from tune_asr.training.features.store import FeatureStore
from tune_asr.training.fit import fit
from tune_asr.training.prepare import check_feasible
from tune_asr.training.shared_speech import Speech


def speech(texts, num_frames):
    """Make a corpus of silence, `num_frames` frames for each text."""
    utterances = tuple(Utterance(id=f"u{i}", text=text, seconds=1.0, audio=None) for i, text in enumerate(texts))
    vocabulary = Vocabulary.from_texts(texts)
    corpus = Corpus(
        train=utterances, val=utterances, vocabulary=vocabulary, fingerprint="", val_fingerprint="", machine_key=""
    )
    offsets = np.arange(2 * len(texts) + 1) * num_frames
    return Speech(corpus, FeatureStore(np.zeros((offsets[-1], 40), np.float32), offsets), metric_for(texts))


@pytest.mark.parametrize(("infeasible", "refused"), [(0, False), (2, False), (3, True)])
def test_infeasible_share_is_limited(quick, infeasible, refused):
    """At most one percent of the training transcripts may not fit."""
    # 20 frames are 5 output frames; "abba" needs 5 as well, for the blank between its b's, and "abbaa" 7
    data = SpeechDataModule(
        speech(["abba"] * (200 - infeasible) + ["abbaa"] * infeasible, 20), batch_size=8, bucketing=True, seed=1
    )
    assert len(data.infeasible_training(4)) == infeasible
    if refused:
        with pytest.raises(
            DataError, match=r"3 of 200 training .* at model.subsampling 4 .*u197.*\n    Lower model.subs"
        ):
            check_feasible(quick(), training_data(data))
    else:
        check_feasible(quick(), training_data(data))
    check_feasible(quick(model__subsampling=2), training_data(data))


class Own(pl.LightningDataModule):
    """Custom data: silence, with tokens and batches of the test."""

    def __init__(self, vocab=("<blk>", "a", "b"), blank_id=0, tokens=(1, 2), bins=40, collate_fn=collate):
        super().__init__()
        self.vocab, self.blank_id = list(vocab), blank_id
        self.examples = [Example(torch.randn(40, bins), torch.tensor(tokens), "ab", f"u{i}") for i in range(6)]
        self.collate_fn = collate_fn

    def train_dataloader(self):
        return DataLoader(self.examples, batch_size=3, collate_fn=self.collate_fn)

    val_dataloader = train_dataloader


class Stream:
    """Batches of unknown number."""

    def __init__(self, examples):
        self.examples = examples

    def __iter__(self):
        return iter([collate(self.examples[:3]), collate(self.examples[3:])])


def collate_with(**changes):
    """Make a `collate` that changes fields of the second utterance."""

    def collated(examples):
        batch = collate(examples)
        for name, value in changes.items():
            getattr(batch, name)[1] = value
        return batch

    return collated


def in_double(examples):
    batch = collate(examples)
    batch.features = batch.features.double()
    return batch


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"tokens": (1, 3)}, DataError, r"token 1 of utterance u0 is 3, but must be in 0\.\.2 and not the blank, 0"),
        ({"tokens": (1, -1)}, DataError, "token 1 of utterance u0 is -1"),
        ({"tokens": (0, 1)}, DataError, "not the blank, 0"),
        ({"bins": 80}, DataError, r"yields 80 mel bins, but features.num_mel_bins is 40\n +Set"),
        ({"collate_fn": len}, DataError, r"yields a int, but .* takes a tune_asr\.training\.batching\.Batch"),
        ({"collate_fn": collate_with(feature_lengths=0)}, DataError, "utterance u1: its feature length is 0, its tok"),
        ({"collate_fn": collate_with(feature_lengths=41)}, DataError, r"is 41, .* must be in 1\.\.40 and 0\.\.2"),
        ({"collate_fn": collate_with(token_lengths=-1)}, DataError, "utterance u1: .* token length -1, but in its ba"),
        ({"collate_fn": collate_with(token_lengths=3)}, DataError, "utterance u1: .* token length 3, but in its bat"),
        ({"collate_fn": collate_with(texts=b"ab")}, DataError, "yields b'ab' among `texts`, but each .* must be a str"),
        ({"collate_fn": collate_with(ids=1)}, DataError, "yields 1 among `ids`, but each of them must be a str"),
        (
            {"collate_fn": in_double},
            DataError,
            r"features in torch\.float64, but they must be float32\n +Convert",
        ),
        ({"collate_fn": lambda _: None}, DataError, r"yields None in epoch 1, batch 1\n +Look at the collate_fn"),
        (
            {"collate_fn": collate_with(features=float("nan"))},
            DataError,
            "features that are not finite, in epoch 1, batch 1: u",
        ),
        ({"blank_id": 3}, ConfigError, r"`blank_id` is 3, but `vocab` has the ids 0\.\.2"),
    ],
)
def test_wrong_custom_data_are_refused(quick, given, error, message):
    with pytest.raises(error, match=message):
        fit(quick(trainer__max_epochs=1), lambda *_: None, data=training_data(Own(**given)))


@pytest.mark.parametrize(
    ("frames", "tokens", "text", "message"),
    [
        (4, [1, 2], "xy", "no transcript of the validation data fits its frames\n    Lower model.subsampling."),
        (40, [], "xy", "no transcript of the validation data holds a symbol of the vocabulary\n    Validate on"),
        (40, [1, 2], "", "the references of the validation data have no word\n    Give Batch their `texts`"),
    ],
)
def test_useless_validation_data_are_refused(quick, frames, tokens, text, message):
    """They measure nothing, and the message says why."""
    example = Example(torch.randn(frames, 40), torch.tensor(tokens, dtype=torch.int64), text, "v")
    data = Own()
    data.val_dataloader = lambda: DataLoader([example], collate_fn=collate)
    with pytest.raises(DataError, match=message):
        fit(quick(trainer__max_epochs=1), lambda *_: None, data=training_data(data))


def test_missing_vocabulary_is_refused(quick):
    data = Own()
    del data.vocab
    with pytest.raises(ConfigError, match=r"(?s)Own has no attribute `vocab`.* as `vocab`, .* blank as `blank_id`"):
        fit(quick(), lambda *_: None, data=training_data(data))


def test_blank_may_be_anywhere(quick):
    """Its id and its name are free."""
    seen = []
    data = Own(vocab=("a", "b", "_"), blank_id=2, tokens=(0, 1))
    history = fit(
        quick(trainer__max_epochs=25, optimizer__lr=0.01),
        lambda result, *_: seen.append(result),
        data=training_data(data),
    )
    assert {utterance.hypothesis for utterance in seen[-1].utterances} == {"ab"}
    assert history[-1].scores.val_wer == history[-1].scores.val_cer == 0.0


def test_objective_without_spaces_uses_cer(quick):
    seen = []
    data = SpeechDataModule(speech(["abab"] * 6, 60), batch_size=3, bucketing=True, seed=1)
    fit(quick(trainer__max_epochs=1), lambda result, *_: seen.append(result), data=training_data(data))
    (result,) = seen
    assert data.metric == "val_cer"
    scores = result.scores
    assert scores.objective == objective(scores.val_cer, scores.val_cer, scores.val_loss)


@pytest.mark.parametrize(("split", "verb"), [("train", "train"), ("val", "validate")])
def test_empty_split_is_refused(quick, split, verb):
    data = Own()
    setattr(data, f"{split}_dataloader", lambda: DataLoader([]))
    with pytest.raises(ConfigError, match=f"no epoch was trained: there is no batch to {verb} on"):
        fit(quick(), lambda *_: None, data=training_data(data))


def test_short_stream_is_refused(quick):
    """It ends before trainer.limit_train_batches."""
    data = Own()
    data.train_dataloader = lambda: Stream(data.examples)
    with pytest.raises(ConfigError, match=r"end after 2 of 3 batches, .*\n +Lower trainer\.limit_train_batches"):
        fit(quick(trainer={"max_epochs": 1, "limit_train_batches": 3}), lambda *_: None, data=training_data(data))
    assert (
        len(fit(quick(trainer={"max_epochs": 1, "limit_train_batches": 2}), lambda *_: None, data=training_data(data)))
        == 1
    )


def test_part_of_data_is_not_checked(quick):
    """Two infeasible of 160 seen are few of all 200."""
    data = SpeechDataModule(speech(["abba"] * 198 + ["abbaa"] * 2, 20), batch_size=8, bucketing=True, seed=1)
    config = quick(trainer={"max_epochs": 1, "limit_train_batches": 20})
    seen = {index for batch in data._sampler(shuffle=True).batches(0)[:20] for index in batch}
    assert {198, 199} < seen  # 2 of 160
    assert len(fit(config, lambda *_: None, data=training_data(data))) == 1
