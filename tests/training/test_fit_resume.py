"""Resumed trainings equal uninterrupted ones, bit for bit."""

import itertools

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from tune_asr.errors import ConfigError, DataError
from tune_asr.training.batching import collate
from tune_asr.training.checkpoints import RAW_WEIGHTS
from tune_asr.training.data import load_data, training_data
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.fit import fit

EPOCHS = 4


def train(config, folder, *, resume_from=None, data=None):
    """Train, saving every epoch as `folder/EPOCH.ckpt`; returns the history."""
    folder.mkdir(exist_ok=True)

    def sink(result, _last, save):
        save(folder / f"{result.epoch}.ckpt")

    return fit(config, sink, resume_from=resume_from, data=data)


def load(folder, epoch):
    return torch.load(folder / f"{epoch}.ckpt", weights_only=True)


@pytest.fixture
def config(quick):
    """Turn on everything random or counted."""
    return lambda name, **keys: quick(
        **{
            "scheduler": {"name": name, "patience": 0},
            "augment": {"n_freq_masks": 2, "n_time_masks": 2},
            "trainer": {"max_epochs": EPOCHS, "accumulate_grad_batches": 2},
            "early_stopping": {"patience": EPOCHS},
            "model": {"dim": 24, "num_layers": 2, "kernel_size": 5, "dropout": 0.2},
            **keys,
        }
    )


PERTURBED = {
    "n_freq_masks": 1,
    "n_time_masks": 1,
    "time_mask_rate": 1.0,
    "start_epoch": 3,
    "speed": 0.1,
    "gain_db": 3.0,
    "noise_p": 0.5,
}
AVERAGED = {"checkpoint": {"weights": "ema"}, "optimizer__ema_decay": 0.9}
OWN_KEYS = {"bigru_ctc": {"num_layers": 2}, "conformer_ctc": {"num_heads": 2, "ffn_dim": 16}}
"""Keys that make an encoder small, beyond `dim` and `num_layers`."""


def perturbed(name):
    """Average and perturb a training of this encoder."""
    model = {"target": name, "dim": 16, "num_layers": 1, "dropout": 0.2, **OWN_KEYS.get(name, {})}
    return AVERAGED | {"augment": PERTURBED, "model": model}


# All cases but those of the other encoders are of conv_ctc.
OTHERS = [name for name in ENCODERS if name != "conv_ctc"]
# Each schedule, augmentation, average and encoder, and each pair of those that keep a state or draw.
MATRIX = {
    "constant": ("constant", {}, (1, 2, 3)),
    "cosine": ("cosine", {}, (1, 2, 3)),
    "plateau": ("plateau", {}, (1, 2, 3)),
    "one_cycle": ("one_cycle", {}, (2,)),
    "noam": ("noam", {}, (2,)),
    "tri_stage": ("tri_stage", {}, (2,)),
    "averaged": ("cosine", AVERAGED, (1, 3)),
    "perturbed": ("cosine", {"augment": PERTURBED}, (1, 2)),
    "plateau, averaged, perturbed": ("plateau", AVERAGED | {"augment": PERTURBED}, (2, 3)),
    "word pieces": ("cosine", {"text": {"unit": "bpe", "vocab_size": 40}}, (2,)),
    **{
        f"{name}, averaged, perturbed": (schedule, perturbed(name), (2,))
        for name, schedule in zip(OTHERS, itertools.cycle(["one_cycle", "tri_stage"]), strict=False)
    },
}
PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "epoch", "global_step")


@pytest.mark.parametrize("case", MATRIX)
def test_resume_changes_no_bit(tmp_path, config, same, case):
    """A resumed training equals the uninterrupted one."""
    name, keys, epochs = MATRIX[case]
    history = train(config(name, **keys), tmp_path / "whole")
    assert len({epoch.scores.val_loss for epoch in history}) == EPOCHS
    for after in epochs:
        torch.manual_seed(after)  # what the process did before is of no matter
        resumed = train(config(name, **keys), tmp_path / "resumed", resume_from=tmp_path / "whole" / f"{after}.ckpt")
        assert resumed == history
        for epoch in range(after + 1, EPOCHS + 1):
            ours, theirs = load(tmp_path / "resumed", epoch), load(tmp_path / "whole", epoch)
            assert ours.keys() == theirs.keys()
            for part in (*PARTS, *(ours.keys() & {RAW_WEIGHTS, "averaging_state"})):
                assert same(ours[part], theirs[part]), f"{part} of epoch {epoch}, resumed after {after}"
            assert (RAW_WEIGHTS in ours) == ("checkpoint" in keys)


@pytest.mark.parametrize("lost", ["raw weights", "number of updates"])
def test_lost_average_changes_weights(tmp_path, quick, same, lost):
    """Negative control: the matrix depends on the restored state."""
    config = quick(**AVERAGED, trainer__max_epochs=3)
    train(config, tmp_path / "whole")
    content = load(tmp_path / "whole", 2)
    assert not same(content["state_dict"], content[RAW_WEIGHTS])
    if lost == "raw weights":
        content[RAW_WEIGHTS] = content["state_dict"]
    else:
        content["averaging_state"]["n_averaged"].fill_(1)
    torch.save(content, tmp_path / "spoilt.ckpt")
    train(config, tmp_path / "resumed", resume_from=tmp_path / "spoilt.ckpt")
    assert not same(load(tmp_path / "whole", 3)["state_dict"], load(tmp_path / "resumed", 3)["state_dict"])


def test_plateau_falls_before_next_step(tmp_path, quick):
    """The first step of the next epoch has the lower rate."""
    config = quick(scheduler={"name": "plateau", "patience": 0, "warmup_fraction": 0.0}, optimizer__lr=1e-12)
    rates = []

    def sink(_result, _last, save):
        save(tmp_path / "x.ckpt")
        (state,) = torch.load(tmp_path / "x.ckpt", weights_only=True)["optimizer_states"]
        rates.append({group["lr"] for group in state["param_groups"]})

    fit(config, sink)
    assert rates == [{1e-12 * 0.5**bad} for bad in (0, 1, 2, 3)]


def test_plateau_resumes(tmp_path, quick):
    # nothing moves at such a rate, so each epoch but the first is one without improvement
    config = quick(scheduler={"name": "plateau", "patience": 0, "warmup_fraction": 0.0}, optimizer__lr=1e-12)
    train(config, tmp_path / "whole")
    for after in (1, 2, 3):
        train(config, tmp_path / "resumed", resume_from=tmp_path / "whole" / f"{after}.ckpt")
        schedule = load(tmp_path / "resumed", 4)["lr_schedulers"][0]["lr_lambdas"][0]
        assert schedule["plateau_scale"] == 0.5**3


def test_process_history_changes_no_bit(tmp_path, quick, same):
    """Equal configurations give equal weights after another training in the process."""
    train(quick(), tmp_path / "first")
    train(quick(seed=3, model__dim=16, data__batch_size=5), tmp_path / "another")
    train(quick(), tmp_path / "second")
    for epoch in (1, 4):
        assert same(load(tmp_path / "first", epoch)["state_dict"], load(tmp_path / "second", epoch)["state_dict"])


def test_seed_changes_weights(tmp_path, quick, same):
    train(quick(), tmp_path / "first")
    train(quick(seed=3), tmp_path / "second")
    assert not same(load(tmp_path / "first", 4)["state_dict"], load(tmp_path / "second", 4)["state_dict"])


def test_batch_order_changes_weights(tmp_path, config, same):
    history = train(config("constant"), tmp_path / "whole")
    resumed = train(config("constant", seed=3), tmp_path / "resumed", resume_from=tmp_path / "whole" / "3.ckpt")
    assert resumed[:-1] == history[:-1]
    assert resumed[-1] != history[-1]
    assert not same(load(tmp_path / "whole", EPOCHS)["state_dict"], load(tmp_path / "resumed", EPOCHS)["state_dict"])


@pytest.mark.parametrize(
    ("keys", "batches"),
    [
        ({"data__batch_size": 4}, 14),
        ({"data__batch_size": 16}, 4),
        ({"data__max_frames_in_batch": 200}, r"\d+"),
        ({"trainer__limit_train_batches": 6}, 6),
    ],
)
def test_other_number_of_batches_is_refused(tmp_path, quick, keys, batches):
    """Lightning would train an epoch twice under one number."""
    train(quick(trainer__max_epochs=1), tmp_path)
    with pytest.raises(ConfigError, match=rf"1.ckpt: an epoch had 7 .* has {batches} here\n +Resume with"):
        train(quick(**keys), tmp_path / "resumed", resume_from=tmp_path / "1.ckpt")
    assert not list((tmp_path / "resumed").iterdir())


def test_other_data_are_refused(tmp_path, quick):
    """Their vocabulary is the same."""
    train(quick(trainer__max_epochs=1), tmp_path)
    with pytest.raises(DataError, match=r"1.ckpt: trained on other data than this configuration.s\n +Restore"):
        train(quick(data__seed=5), tmp_path / "resumed", resume_from=tmp_path / "1.ckpt")


def test_patience_survives_resume(tmp_path, quick):
    config = quick(early_stopping={"patience": 2, "min_delta": 10.0}, trainer__max_epochs=9)
    history = train(config, tmp_path / "whole")
    assert len(history) == 3
    for after in (1, 2, 3):
        assert train(config, tmp_path / "resumed", resume_from=tmp_path / "whole" / f"{after}.ckpt") == history
    assert not (tmp_path / "resumed" / "4.ckpt").exists()


def test_finished_training_resumes_to_history(tmp_path, quick):
    """A training at its horizon gives its history again."""
    history = train(quick(trainer__max_epochs=2), tmp_path)
    assert train(quick(trainer__max_epochs=2), tmp_path / "resumed", resume_from=tmp_path / "2.ckpt") == history
    assert not list((tmp_path / "resumed").iterdir())


def test_longer_horizon_stretches_schedule(tmp_path, quick):
    train(quick(trainer__max_epochs=2), tmp_path)
    rates = {}
    for horizon in (2, 40):
        history = train(quick(trainer__max_epochs=horizon, early_stopping__stop_epoch=3), tmp_path / "long")
        rates[horizon] = load(tmp_path / "long", len(history))["lr_schedulers"][0]["_last_lr"][0]
    config = quick(trainer__max_epochs=40, early_stopping__stop_epoch=3)
    assert len(train(config, tmp_path / "resumed", resume_from=tmp_path / "2.ckpt")) == 3
    assert load(tmp_path / "resumed", 3)["lr_schedulers"][0]["_last_lr"][0] == rates[40] > 2 * rates[2]


class Shuffled(pl.LightningDataModule):
    """Custom data with an ordinary DataLoader that shuffles."""

    def __init__(self, data):
        super().__init__()
        self.vocab, self.blank_id = data.vocab, data.blank_id
        self.train, self.val = data.train_dataloader().dataset, data.val_dataloader().dataset
        self.order = []

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=8, shuffle=True, collate_fn=self.noted)

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=8, collate_fn=collate)

    def noted(self, examples):
        self.order += [example.id for example in examples]
        return collate(examples)


def test_custom_shuffle_resumes_its_order(tmp_path, quick, same):
    config = quick(trainer__max_epochs=3)
    whole = Shuffled(load_data(config).module)
    train(config, tmp_path / "whole", data=training_data(whole))
    epochs = [whole.order[i : i + 56] for i in (0, 56, 112)]
    assert sorted(epochs[0]) == sorted(epochs[1]) != epochs[0] != epochs[1] != epochs[2]
    for after in (1, 2):
        torch.manual_seed(after)
        resumed = Shuffled(load_data(config).module)
        train(
            config, tmp_path / "resumed", data=training_data(resumed), resume_from=tmp_path / "whole" / f"{after}.ckpt"
        )
        assert resumed.order == whole.order[56 * after :]
        assert same(load(tmp_path / "resumed", 3)["state_dict"], load(tmp_path / "whole", 3)["state_dict"])


class Workers(Shuffled):
    """Batches from the process itself, or from worker processes."""

    def __init__(self, data, num_workers):
        super().__init__(data)
        self.num_workers = num_workers

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=8, num_workers=self.num_workers, collate_fn=collate)


def test_loader_workers_change_no_bit(tmp_path, quick, same):
    """Neither in a whole nor in a resumed training."""
    config = quick(augment=PERTURBED, trainer__max_epochs=3, **AVERAGED)
    train(config, tmp_path / "none", data=training_data(Workers(load_data(config).module, 0)))
    train(config, tmp_path / "two", data=training_data(Workers(load_data(config).module, 2)))
    resumed = training_data(Workers(load_data(config).module, 2))
    train(config, tmp_path / "resumed", data=resumed, resume_from=tmp_path / "none" / "1.ckpt")
    for folder in ("two", "resumed"):
        for part in PARTS:
            assert same(load(tmp_path / folder, 3)[part], load(tmp_path / "none", 3)[part]), f"{part} of {folder}"
