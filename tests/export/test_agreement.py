"""Agreement of the texts of two programs."""

import pytest
import torch

from tune_asr.export.agreement import Decoded, Disagreement, compare, margins

TRANSCRIPTS = [Decoded("one", "a b", "a b", 0.5), Decoded("two", "c", "c d", 1e-6)]


def test_spacing_is_no_difference():
    agreement = compare("other", TRANSCRIPTS, [" a  b", "c d "], tie=1e-4)
    assert str(agreement) == "2 of 2 the same"


def test_differences_without_lead_are_ties():
    agreement = compare("other", TRANSCRIPTS, ["a b", "c"], tie=1e-4)
    assert (agreement.num_same, agreement.num_ties, agreement.num_different) == (1, 1, 0)
    assert str(agreement) == "1 of 2 the same, 1 tied"


def test_difference_is_refused_with_both_texts():
    with pytest.raises(Disagreement, match=r"(?s)1 of 2 validation utterances.*one:.*PyTorch   a b.*other   a c"):
        compare("other", TRANSCRIPTS, ["a c", "c d"], tie=1e-4)


def test_allowed_differences_are_counted():
    agreement = compare("other", TRANSCRIPTS, ["a c", "c"], tie=1e-4, must_agree=False)
    assert str(agreement) == "0 of 2 the same, 1 tied, 1 different"


def test_margin_ignores_padding():
    log_probs = torch.tensor([[[0.0, -3.0, -1.0], [-2.0, -0.5, -4.0], [0.0, 0.0, 0.0]]])
    assert margins(log_probs, torch.tensor([2])) == [1.0]
    assert margins(log_probs, torch.tensor([3])) == [0.0]
