"""`text.rules` and `text.score` of a training, in its checkpoints."""

import pytest
import torch

LAST, SECOND = (f"artifacts/checkpoints/ctc-epoch={number:02d}.ckpt" for number in (2, 1))


@pytest.fixture
def old(train):
    """Checkpoint of two epochs, without the keys that release 0.1.0 lacks."""
    train.prepare("early_stopping.stop_epoch=2")
    path = train.root / SECOND
    content = torch.load(path, weights_only=True)
    text = content["origin"]["config"]["text"]
    assert (text["rules"], text["score"]) == (2, "wer"), "auto is settled by the references"
    for key in ("rules", "score", "language", "tags"):
        del text[key]
    torch.save(content, path)
    return path


def test_resumed_training_keeps_its_rules(train, old):
    """The configuration says nothing, so the checkpoint decides."""
    train("--resume-from-checkpoint", str(old))
    text = torch.load(train.root / LAST, weights_only=True)["origin"]["config"]["text"]
    assert text["rules"] == 1


def test_other_rules_do_not_resume(train, old):
    ended = train("text.rules=2", "--resume-from-checkpoint", str(old), expect=2)
    assert f"{old}: trained by text.rules 1, but the configuration has 2" in ended.refusal
    assert "Leave text.rules out, or set it to 1." in ended.refusal
