"""Remarks on a space that is odd without being wrong."""

import pytest

from tune_asr.search.description import remarks
from tune_asr.space.plan import from_values


@pytest.mark.parametrize(
    ("max_t", "max_epochs", "expected"),
    [
        (
            24,
            48,
            [
                "asha.max_t is 24, below trainer.max_epochs, which is 48: trials end in the middle of their schedule. "
                "--max-epochs E sets both"
            ],
        ),
        (24, 24, []),
        (None, 48, []),
    ],
)
def test_remarks_name_a_cut_schedule(max_t, max_epochs, expected):
    space = {"param_space": {"model.dropout": {"uniform": [0.0, 0.3]}}, "asha": {"max_t": max_t}}
    assert list(remarks(from_values(space, {"trainer": {"max_epochs": max_epochs}}, "search.yaml"))) == expected
