import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.training.seeding import derive_seed, generator, seed_everything_for

PARTS = st.lists(st.integers() | st.text(), max_size=4)


@given(PARTS, PARTS)
def test_seeds_are_equal_exactly_where_the_parts_are(first, second):
    assert 0 <= derive_seed(*first) < 2**63
    assert (derive_seed(*first) == derive_seed(*second)) == (first == second)


def test_a_seed_never_changes_between_versions_processes_and_hash_seeds():
    assert derive_seed(17, "batches", 3) == 6047006544563808159
    assert derive_seed("1") != derive_seed(1)


@pytest.mark.parametrize("part", [np.int64(1), torch.tensor(1)])
def test_parts_that_only_look_like_integers_are_refused(part):
    with pytest.raises(TypeError):
        derive_seed(part)


def test_a_generator_ignores_the_global_state():
    first = torch.rand(3, generator=generator(1, "a"))
    torch.rand(5)
    assert torch.equal(first, torch.rand(3, generator=generator(1, "a")))
    assert not torch.equal(first, torch.rand(3, generator=generator(2, "a")))


def test_every_global_generator_follows_the_parts():
    def draws(*parts):
        seed_everything_for(*parts)
        return torch.rand(()).item(), np.random.rand(), random.random()

    first = draws(17, 0, 5)
    draws(17, 0, 6)
    assert draws(17, 0, 5) == first
    assert all(a != b for a, b in zip(first, draws(17, 0, 6), strict=True))
