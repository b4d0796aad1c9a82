import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_sequence

from tune_asr.errors import DataError
from tune_asr.speech.audio import frames
from tune_asr.training.ctc import best_path, ctc_loss, greedy_decode, padded_min_frames, validate_targets

NUM_SYMBOLS = 5
TRANSCRIPTS = st.lists(st.lists(st.integers(1, NUM_SYMBOLS - 1), max_size=6), min_size=1, max_size=5)


def padded(transcripts):
    tokens = pad_sequence([torch.tensor(transcript, dtype=torch.int64) for transcript in transcripts], batch_first=True)
    return tokens, torch.tensor([len(transcript) for transcript in transcripts])


def logits(num_utterances, num_frames, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(num_utterances, num_frames, NUM_SYMBOLS, generator=random).requires_grad_()


@settings(deadline=None)
@given(TRANSCRIPTS)
def test_min_frames_is_least_finite_loss(transcripts):
    """The loss is finite from `min_frames` on, and infinite below."""
    tokens, token_lengths = padded(transcripts)
    needed = padded_min_frames(tokens, token_lengths)
    assert needed.tolist() == [frames.min_frames(transcript) for transcript in transcripts]
    log_probs = logits(len(transcripts), 12).log_softmax(-1).transpose(0, 1)

    def losses(lengths):
        return F.ctc_loss(log_probs, tokens, lengths, token_lengths, reduction="none")

    assert losses(needed.clamp(min=1)).isfinite().all()
    short = needed > 1
    assert losses((needed - 1).clamp(min=1))[short].isinf().all()


@settings(deadline=None)
@given(TRANSCRIPTS, st.data())
def test_loss_ignores_infeasible_utterances(transcripts, data):
    """It is in nats per token of the feasible ones."""
    tokens, token_lengths = padded(transcripts)
    lengths = torch.tensor([data.draw(st.integers(1, 12)) for _ in transcripts])
    x = logits(len(transcripts), 12)
    result = ctc_loss(x.log_softmax(-1), lengths, tokens, token_lengths)

    nats = F.ctc_loss(x.log_softmax(-1).transpose(0, 1), tokens, lengths, token_lengths, reduction="none")
    feasible = nats.isfinite()
    torch.testing.assert_close(result.nats, nats[feasible].sum())
    assert result.num_tokens == token_lengths[feasible].sum()
    assert result.num_infeasible == (~feasible).sum()
    torch.testing.assert_close(result.loss, nats[feasible].sum() / token_lengths[feasible].sum().clamp(min=1))
    result.loss.backward()
    assert x.grad.isfinite().all()
    assert not x.grad[~feasible].any()
    assert x.grad[feasible].any() == feasible.any()


def test_infeasible_batch_has_differentiable_zero():
    x = logits(2, 3)
    result = ctc_loss(x.log_softmax(-1), torch.tensor([3, 3]), *padded([[1, 1, 1], [1, 2, 3, 4]]))
    assert (result.loss.item(), result.num_tokens.item(), result.num_infeasible.item()) == (0.0, 0, 2)
    result.loss.backward()
    assert not x.grad.any()


def test_other_infinite_loss_stays_infinite():
    log_probs = torch.full((1, 4, NUM_SYMBOLS), -torch.inf)
    assert not ctc_loss(log_probs, torch.tensor([4]), *padded([[1, 2]])).loss.isfinite()
    log_probs = torch.full((1, 4, NUM_SYMBOLS), torch.nan)
    assert ctc_loss(log_probs, torch.tensor([4]), *padded([[1, 2]])).loss.isnan()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_loss_is_always_float32(dtype):
    x = logits(2, 9)
    with torch.autocast("cpu", dtype):
        result = ctc_loss(x.to(dtype).float().log_softmax(-1), torch.tensor([9, 7]), *padded([[1, 2, 2], [3, 4]]))
    assert result.loss.dtype == result.nats.dtype == torch.float32
    low = ctc_loss(x.detach().log_softmax(-1).to(dtype), torch.tensor([9, 7]), *padded([[1, 2, 2], [3, 4]]))
    assert low.loss.dtype == torch.float32


def test_transcript_padding_may_be_anything():
    tokens, token_lengths = padded([[1, 2, 3], [4]])
    junk = tokens.where(torch.arange(3) < token_lengths[:, None], 4)
    x, lengths = logits(2, 8).log_softmax(-1), torch.tensor([8, 8])
    assert ctc_loss(x, lengths, junk, token_lengths).loss == ctc_loss(x, lengths, tokens, token_lengths).loss


@pytest.mark.parametrize("wrong", [-1, 0, NUM_SYMBOLS, 100_000])
def test_invalid_token_is_named(wrong):
    tokens, token_lengths = padded([[1, 2, 3], [4, wrong]])
    with pytest.raises(
        DataError, match=rf"token 1 of utterance 1 is {wrong}, but must be in 0..4 and not the blank, 0"
    ):
        validate_targets(tokens, token_lengths, NUM_SYMBOLS)


def test_invalid_token_has_the_name_of_its_utterance():
    tokens, token_lengths = padded([[1, 2, 3], [4, 1_000_000]])
    with pytest.raises(DataError, match="token 1 of utterance second is 1000000"):
        validate_targets(tokens, token_lengths, NUM_SYMBOLS, names=["first", "second"])


@given(TRANSCRIPTS)
def test_padding_tokens_are_not_checked(transcripts):
    tokens, token_lengths = padded(transcripts)
    junk = tokens.where(torch.arange(tokens.shape[1]) < token_lengths[:, None], 99)
    validate_targets(junk, token_lengths, NUM_SYMBOLS)


def collapse(path, blank_id):
    symbols, previous = [], blank_id
    for symbol in path:
        if symbol not in (previous, blank_id):
            symbols.append(symbol)
        previous = symbol
    return symbols


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=4), st.integers(0, 3))
def test_greedy_decoding_collapses_frames(paths, blank_id):
    best, lengths = padded(paths)
    log_probs = F.one_hot(best, 4).float()  # behind an utterance's end stands symbol 0
    assert greedy_decode(log_probs, lengths, blank_id) == [collapse(path, blank_id) for path in paths]


def test_best_path_ends_with_utterance():
    best = torch.tensor([[0, 0, 1, 0], [2, 0, 0, 0], [0, 0, 0, 0]])
    log_probs = F.one_hot(best, NUM_SYMBOLS).float().log_softmax(-1)
    path = best_path(log_probs, torch.tensor([4, 2, 0]))
    assert path.tolist() == [[0, 0, 1, 0], [2, 0, -1, -1], [-1, -1, -1, -1]]
