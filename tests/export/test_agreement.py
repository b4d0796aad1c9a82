import pytest
import torch

from tune_asr.export.agreement import Decoded, Disagreement, compare, margins

UTTERANCES = [Decoded("one", "a b", "a b", 0.5), Decoded("two", "c", "c d", 1e-6)]


def test_the_same_words_agree_however_they_are_spaced():
    agreement = compare("other", UTTERANCES, [" a  b", "c d "], tie=1e-4)
    assert str(agreement) == "2 of 2 the same"


def test_another_text_where_two_symbols_tie_is_counted_as_a_tie():
    agreement = compare("other", UTTERANCES, ["a b", "c"], tie=1e-4)
    assert (agreement.num_same, agreement.num_ties, agreement.num_different) == (1, 1, 0)
    assert str(agreement) == "1 of 2 the same, 1 tied"


def test_another_text_without_a_tie_is_refused_with_both_texts():
    with pytest.raises(Disagreement, match=r"(?s)1 of 2 validation utterances.*one:.*PyTorch   a b.*other   a c"):
        compare("other", UTTERANCES, ["a c", "c d"], tie=1e-4)


def test_differences_are_counted_where_they_may_be():
    agreement = compare("other", UTTERANCES, ["a c", "c"], tie=1e-4, must_agree=False)
    assert str(agreement) == "0 of 2 the same, 1 tied, 1 different"


def test_a_margin_is_the_least_lead_inside_the_utterance():
    log_probs = torch.tensor([[[0.0, -3.0, -1.0], [-2.0, -0.5, -4.0], [0.0, 0.0, 0.0]]])
    assert margins(log_probs, torch.tensor([2])) == [1.0]
    assert margins(log_probs, torch.tensor([3])) == [0.0]
