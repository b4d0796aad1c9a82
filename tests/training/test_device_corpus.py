"""Features kept on a device, with the CPU as the device."""

import pytest
import torch

from tune_asr.training.batching import collate
from tune_asr.training.data import SpeechDataModule, load_data
from tune_asr.training.device_corpus import SHARE, DeviceSplit, free_bytes, num_bytes
from tune_asr.training.fit import fit
from tune_asr.training.shared_speech import load_speech

CPU = torch.device("cpu")
TENSORS = ("features", "feature_lengths", "tokens", "token_lengths")


def equal(one, other):
    parts = all(torch.equal(getattr(one, name), getattr(other, name)) for name in TENSORS)
    return parts and (one.texts, one.ids) == (other.texts, other.ids)


def test_gathered_batches_equal_collated_ones(quick):
    speech = load_speech(quick())
    for split in (speech.train, speech.val):
        kept = DeviceSplit(split, CPU)
        for indices in ([0], [3, 1, 2], list(range(len(split)))[::-1]):
            assert equal(kept.batch(indices), collate([split[i] for i in indices]))


def test_device_batches_keep_small_tensors(quick):
    """A step reads lengths on the host without waiting; `meta` is a device without values."""
    split = load_speech(quick()).train
    batch = DeviceSplit(split, torch.device("meta")).batch([0, 1])
    assert batch.features.device.type == "meta"
    assert batch.on_cpu().feature_lengths.tolist() == split.lengths[:2]
    assert batch.to("meta").kept is batch.kept


@pytest.mark.parametrize(("share_of_need", "stays"), [(0.99, False), (1.01, True)])
def test_features_stay_if_they_fit(quick, share_of_need, stays):
    speech = load_speech(quick())
    room = round(num_bytes(speech.train) / SHARE * share_of_need)
    data = SpeechDataModule(speech, batch_size=8, bucketing=True, seed=1, free_bytes=lambda device: room)
    plain = SpeechDataModule(speech, batch_size=8, bucketing=True, seed=1)
    loaders = data.train_dataloader(), plain.train_dataloader()
    assert (loaders[0].dataset is speech.train) is not stays
    assert all(equal(*pair) for pair in zip(*loaders, strict=True))


def test_training_is_the_same(quick):
    """To the last bit, validation included."""
    config = quick(trainer__max_epochs=2)
    loaded = load_data(config)
    results, kept = [], set()

    def sink(result, *_):
        results.append((result.train_loss, result.scores))
        kept.update(loaded.built_in._kept.values())

    for room in (None, 10**9):
        loaded.built_in._free_bytes = room and (lambda device, room=room: room)
        fit(config, sink, data=loaded)
    assert results[:2] == results[2:]
    assert len(kept) == 2
    assert_free(kept)


def assert_free(kept):
    assert all(split._frames is None for split in kept)


def test_ended_training_frees_memory(quick):
    """Tune ends a pruned trial in the middle, and the process trains another one."""
    loaded = load_data(quick())
    loaded.built_in._free_bytes = lambda device: 10**9
    kept = []

    def sink(*_):
        kept.extend(loaded.built_in._kept.values())
        raise SystemExit

    with pytest.raises(SystemExit):
        fit(quick(), sink, data=loaded)
    assert len(kept) == 2 and not loaded.built_in._kept
    assert_free(kept)


def test_key_asks_for_free_memory_of_a_gpu(quick):
    assert load_data(quick()).built_in._free_bytes is None
    assert load_data(quick(trainer__corpus_on_device="auto")).built_in._free_bytes is free_bytes
    assert free_bytes(CPU) == 0
