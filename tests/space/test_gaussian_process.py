"""Gaussian process, compared with dense algebra and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tune_asr.space.gaussian_process import Kernel, Posterior, first_theta, fit, log_posterior, squared_differences

JITTER = 1e-6


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.random((14, 3))
    return x, np.sin(5 * x[:, 0]) + 0.1 * rng.normal(size=14)


def matern(a, b, lengths) -> float:
    q = math.sqrt(5 * sum(((p - r) / length) ** 2 for p, r, length in zip(a, b, lengths, strict=True)))
    return (1 + q + q * q / 3) * math.exp(-q)


def dense(x, other, lengths):
    return np.array([[matern(a, b, lengths) for b in other] for a in x])


def test_covariance_is_matern(data):
    x, _ = data
    lengths = np.array([0.3, 1.0, 5.0])
    assert np.allclose(Kernel(lengths, 0.1).covariance(x, x[:4]), dense(x, x[:4], lengths), atol=1e-7)


def test_posterior_solves_dense_equations(data):
    x, y = data
    lengths, noise = np.array([0.3, 1.0, 5.0]), 0.05
    new = np.random.default_rng(1).random((6, 3))
    covariance = dense(x, x, lengths) + (noise + JITTER) * np.eye(len(x))
    across = dense(new, x, lengths)
    mean = across @ np.linalg.solve(covariance, y)
    variance = np.diag(dense(new, new, lengths) - across @ np.linalg.solve(covariance, across.T))
    found, deviation = Posterior(Kernel(lengths, noise), x, y).mean_and_deviation(new)
    assert np.allclose(found, mean, atol=1e-9) and np.allclose(deviation, np.sqrt(variance), atol=1e-9)
    assert np.allclose(Posterior(Kernel(lengths, noise), x, y).mean(new), mean, atol=1e-9)


def test_log_posterior_is_that_of_a_normal(data):
    x, y = data
    theta = np.log([0.3, 1.0, 5.0, 0.05])
    covariance = dense(x, x, np.exp(theta[:3])) + (0.05 + JITTER) * np.eye(len(x))
    likelihood = -0.5 * y @ np.linalg.inv(covariance) @ y - 0.5 * math.log(np.linalg.det(covariance))
    first = np.log([0.7 * math.sqrt(3 / 7)] * 3 + [0.1])
    value, _ = log_posterior(theta, squared_differences(x), y)
    assert value == pytest.approx(likelihood - 0.5 * ((theta - first) ** 2).sum(), abs=1e-9)


@pytest.mark.parametrize("theta", [[0.3, 1.0, 5.0, 0.05], [0.02, 0.2, 20, 1.0], [0.7, 0.7, 0.7, 0.1]])
def test_gradient_matches_finite_differences(data, theta):
    x, y = data
    squares, theta = squared_differences(x), np.log(theta)
    _, gradient = log_posterior(theta, squares, y)
    for index, slope in enumerate(gradient):
        step = np.eye(len(theta))[index] * 1e-5
        ahead, behind = log_posterior(theta + step, squares, y)[0], log_posterior(theta - step, squares, y)[0]
        assert slope == pytest.approx((ahead - behind) / 2e-5, rel=1e-5, abs=1e-6)


def test_fit_raises_log_posterior(data):
    x, y = data
    kernel = fit(x, y)
    theta = np.append(np.log(kernel.lengths), math.log(kernel.noise))
    squares = squared_differences(x)
    assert log_posterior(theta, squares, y)[0] > log_posterior(first_theta(3), squares, y)[0] + 1
    assert kernel.lengths[0] < min(kernel.lengths[1:])


def test_fit_stays_within_bounds():
    """Values that are noise alone, or that change at every step."""
    rng = np.random.default_rng(3)
    for y in (rng.normal(size=40), np.tile([3.0, -3.0], 20)):
        kernel = fit(np.linspace(0, 1, 40)[:, None], y)
        assert 0.02 <= kernel.noise <= 1 and 0.02 - 1e-12 <= kernel.lengths[0] <= 20


def test_equal_coordinates_keep_their_length():
    """Coordinates of one value have no slope."""
    x = np.column_stack([np.linspace(0, 1, 9), np.full(9, 0.5)])
    assert fit(x, np.linspace(-1, 1, 9)).lengths[1] == pytest.approx(0.7 * math.sqrt(2 / 7))


@pytest.mark.parametrize("y", [[0.0], [0.0] * 5])
def test_few_or_tied_values_give_a_kernel(y):
    kernel = fit(np.linspace(0, 1, len(y))[:, None], np.array(y))
    mean, deviation = Posterior(kernel, np.linspace(0, 1, len(y))[:, None], np.array(y)).mean_and_deviation(
        np.array([[0.3]])
    )
    assert mean[0] == 0 and 0 < deviation[0] < 1


def test_expected_values_change_no_mean(data):
    """A point at the posterior mean lowers the deviation there alone."""
    x, y = data
    kernel, new = fit(x, y), np.random.default_rng(1).random((6, 3))
    before = Posterior(kernel, x, y)
    after = Posterior(kernel, np.vstack([x, new[:1]]), np.append(y, before.mean(new[:1])))
    assert np.allclose(before.mean(new), after.mean(new), atol=1e-9)
    assert after.mean_and_deviation(new[:1])[1] < before.mean_and_deviation(new[:1])[1]


def test_fit_takes_25_steps_of_rprop(data):
    """Each coordinate by itself: the step grows by 1.3 and shrinks by half, within bounds."""
    x, y = data
    squares, theta = squared_differences(x), list(first_theta(3))
    steps, before = [0.2] * 4, [0.0] * 4
    for _ in range(25):
        _, gradient = log_posterior(np.array(theta), squares, y)
        for index, slope in enumerate(gradient):
            turn = np.sign(slope) * before[index]
            steps[index] = min(max(steps[index] * (1.3 if turn > 0 else 0.5 if turn < 0 else 1.0), 1e-3), 0.5)
            high = 0.0 if index == 3 else math.log(20)
            theta[index] = min(max(theta[index] + np.sign(slope) * steps[index], math.log(0.02)), high)
            before[index] = np.sign(slope)
    kernel = fit(x, y)
    assert [*kernel.lengths, kernel.noise] == pytest.approx(np.exp(theta))
