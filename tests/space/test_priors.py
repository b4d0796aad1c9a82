"""Priors: `around` and `confidence` beside a distribution."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from statistics import mean, pstdev

import pytest

from tests.space.test_plan import plan_of
from tune_asr.space.distributions import parse
from tune_asr.space.priors import SPREADS, Prior

QUANTILES = [(i + 0.5) / 4000 for i in range(4000)]


@pytest.mark.parametrize(("confidence", "spread"), SPREADS.items())
def test_prior_is_a_normal_in_the_quantile(confidence, spread):
    prior = parse({"uniform": [0, 1], "around": 0.5, "confidence": confidence}).prior
    assert prior == Prior(0.5, spread)
    drawn = [prior.quantile(u) for u in QUANTILES]
    assert mean(drawn) == pytest.approx(0.5, abs=1e-6) and drawn == sorted(drawn)
    # What is cut off narrows the widest.
    assert pstdev(drawn) == pytest.approx({0.35: 0.2511, 0.2: 0.1910, 0.1: 0.1}[spread], abs=2e-3)


@pytest.mark.parametrize("centre", [0.0, 0.05, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("spread", SPREADS.values())
def test_quantiles_stay_within_bounds(centre, spread):
    prior = Prior(centre, spread)
    ends = [prior.quantile(u) for u in (0.0, 1e-300, 1e-16, 0.5, math.nextafter(1.0, 0.0))]
    assert ends[0] >= 0 and ends[-1] < 1 and all(a <= b + 1e-12 for a, b in itertools.pairwise(ends))


def test_medium_is_the_default():
    assert parse({"uniform": [0, 1], "around": 0.2}) == parse(
        {"uniform": [0, 1], "around": 0.2, "confidence": "medium"}
    )


@pytest.mark.parametrize(
    ("distribution", "around"),
    [
        ({"loguniform": [1e-4, 1e-2]}, 1e-3),
        ({"uniform": [-1, 1]}, 0),
        ({"randint": [0, 9]}, 4),
        ({"lograndint": [1, 100]}, 10),
        ({"quniform": [0, 8, 1]}, 4),
        ({"qloguniform": [1, 81, 1]}, 9),
    ],
)
def test_values_gather_around_the_centre(distribution, around):
    prior = parse({**distribution, "around": around, "confidence": "high"})
    values = sorted(prior.at(u) for u in QUANTILES)
    assert values[2000] == pytest.approx(around, rel=0.02, abs=0.01)
    flat = sorted(parse(distribution).at(u) for u in QUANTILES)
    assert flat[0] < values[400] and values[3600] < flat[-1]


def test_listed_numbers_are_drawn_in_order():
    """The list of a prior is sorted, and each value stays possible."""
    distribution = parse({"choice": [16, 4, 8, 32], "around": 8, "confidence": "low"})
    counts = Counter(distribution.at(u) for u in QUANTILES)
    assert counts[8] > counts[16] > counts[32] > 300 and counts[8] > counts[4] > counts[32]


def test_probes_reach_the_bounds():
    """Rare values are checked against the configuration, too."""
    plain = parse({"uniform": [0, 1]}).probes
    assert parse({"uniform": [0, 1], "around": 0.1, "confidence": "high"}).probes == plain


def test_prior_shapes_the_random_draws():
    plan = plan_of({"model.dropout": {"uniform": [0, 1], "around": 0.3}, "augment.p": {"uniform": [0, 1]}})
    flat = plan.without_priors
    drawn = [plan.settings(n) for n in range(1, 400)]
    assert mean(d["model.dropout"] for d in drawn) == pytest.approx(0.32, abs=0.03)
    assert [d["augment.p"] for d in drawn] == [flat.settings(n)["augment.p"] for n in range(1, 400)]
    assert mean(flat.settings(n)["model.dropout"] for n in range(1, 400)) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        ({"uniform": [0, 1], "around": 2}, "around is 2, but must be within the bounds, 0 to 1"),
        ({"randint": [4, 8], "around": 8}, "around is 8, but must be within the bounds, 4 to 7"),
        ({"loguniform": [1, 2], "around": 0}, "around is 0, but must be within the bounds, 1 to 2"),
        ({"uniform": [0, 1], "around": "middle"}, "around is 'middle', but must be a number within the bounds"),
        ({"uniform": [0, 1], "around": True}, "around is true, but must be a number within the bounds"),
        ({"uniform": [0, 1], "around": None}, "around is null, but must be a number within the bounds"),
        ({"uniform": [0, 1], "around": math.nan}, "around is nan, but must be a number within the bounds"),
        ({"uniform": [0, 1], "around": 0.1, "confidence": "sure"}, "confidence is 'sure', but must be one of low, med"),
        (
            {"uniform": [0, 1], "around": 0.1, "confidence": [1]},
            "confidence is \\[1\\], but must be one of low, medium",
        ),
        ({"uniform": [0, 1], "confidence": "low"}, "confidence needs around"),
        ({"choice": ["a", "b"], "around": 1}, "around needs a list of numbers, but .* has no order"),
        ({"choice": [True, False], "around": 1}, "around needs a list of numbers"),
        ({"choice": ["a", "b"], "around": "a"}, "around needs a list of numbers, but \\['a', 'b'\\] has no order"),
        ({"choice": [2, 4], "around": 3}, "around is 3, but must be one of the list, \\[2, 4\\]"),
        ({"grid_search": [2, 4], "around": 2}, "around has no effect on grid_search"),
        ({"uniform": [0, 1], "arround": 0.5}, "arround is unknown beside uniform; known: around, confidence, when"),
        ({"around": 2}, "holds 0 keys, but must be one distribution"),
        ({"uniform": [0, 1], "around": 0, "choice": [1]}, "holds 2 keys, but must be one distribution"),
    ],
)
def test_wrong_priors_are_refused(distribution, message):
    with pytest.raises(ValueError, match=message):
        parse(distribution)


def test_mistake_names_its_line(spaces):
    from tune_asr.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        spaces.load("param_space:\n  optimizer.lr: {loguniform: [1e-4, 1e-2], around: 3e-1}")
    assert "space.yaml:3: param_space.optimizer.lr" in str(caught.value) and "around is 0.3" in str(caught.value)
    assert spaces.load("param_space:\n  optimizer.lr: {loguniform: [1e-4, 1e-2], around: 3e-3}").distributions
