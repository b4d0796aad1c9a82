"""Rounded shapes of CUDA graphs, and the keys that turn graphs on."""

from tune_asr.config.key_facts import NO_SETTING
from tune_asr.config.keys import facts
from tune_asr.config.sections import Config
from tune_asr.training.graphs.shapes import SMALLEST, rounded


def test_rounded_frames_are_few():
    rounds = [rounded(frames) for frames in range(1, 4097)]
    assert all(0 <= up - frames < max(SMALLEST, frames / 8) for frames, up in enumerate(rounds, 1))
    assert all(up % SMALLEST == 0 for up in rounds)
    assert len(set(rounds)) <= 48


def test_keys_of_the_machine_may_change():
    """A resume takes them anew, a search never varies them, and model cards leave them out."""
    for key in ("trainer.cuda_graphs", "trainer.corpus_on_device"):
        known = facts(key)
        assert known.free_on_resume and not known.fixed_on_resume and known.in_cards is False
        assert known.not_searched == NO_SETTING
    assert Config().trainer.cuda_graphs == Config().trainer.corpus_on_device == "off"
