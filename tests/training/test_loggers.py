"""The curves of a training that was killed: TensorBoard shows each step once."""

from __future__ import annotations

from collections import Counter

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tune_asr.training.fit import fit
from tune_asr.training.loggers import make_loggers


class Killed(BaseException):
    """The process ends."""


def steps(folder) -> dict[str, list[int]]:
    """By curve, the steps that TensorBoard shows."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [event.step for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@pytest.mark.parametrize("kept", [None, 1, 2])
def test_epochs_that_are_trained_again_after_a_kill_are_drawn_once(quick, tmp_path, kept):
    """Killed in the third epoch's report; the newest checkpoint that is left is that of epoch `kept`."""
    config = quick(trainer__log_every_n_steps=1)

    def train(version, sink, resume_from=None):
        loggers = make_loggers(config.logging, tmp_path, name="t", version=version, resume_from=resume_from)
        fit(config, sink, loggers=loggers, resume_from=resume_from)

    def until_the_third(result, _last, save):
        save(tmp_path / f"{result.epoch}.ckpt")
        if result.epoch == 3:
            raise Killed

    train("whole", lambda *_: None)
    with pytest.raises(Killed):
        train("killed", until_the_third)
    train("killed", lambda *_: None, tmp_path / f"{kept}.ckpt" if kept else None)
    whole, killed = steps(tmp_path / "t" / "whole"), steps(tmp_path / "t" / "killed")
    assert killed == whole
    assert max(Counter(whole["val_wer"]).values()) == 1
    assert len(whole["val_wer"]) == config.trainer.max_epochs
