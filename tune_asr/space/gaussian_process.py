"""Gaussian process regression with a Matérn 5/2 kernel, in numpy and float64.

Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006: equations 2.23 to 2.26 (posterior), 4.17 (kernel)
and 5.9 (gradient). The variance of the kernel is 1 and the mean 0, because values are normal scores of ranks.

The hyperparameters theta are the logarithms of a length for each coordinate, and of the noise. A normal prior of
standard deviation 1 holds them near theta_0, since a search begins with eight points and a dozen of lengths. Rprop
(Riedmiller and Braun, 1993) climbs by the signs of the gradient alone, so last bits do not change the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tune_asr.space.linear_algebra import Array, inverse, product

_JITTER = 1e-6
_STEPS = 25
_FIRST_STEP, _LEAST_STEP, _LARGEST_STEP = 0.2, 1e-3, 0.5
_GROWTH, _SHRINKAGE = 1.3, 0.5
_LOWEST, _HIGHEST = math.log(0.02), math.log(20)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Hyperparameters of the process."""

    lengths: Array
    """Distance over which values are alike, for each coordinate."""
    noise: float
    """Variance of a value around the function."""

    def covariance(self, a: Array, b: Array) -> Array:
        """Return the covariances of two sets of points.

        Rows (n, d) and (m, d) give (n, m).
        """
        a, b = a / self.lengths, b / self.lengths
        squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2.0 * product(a, b.T)
        return _matern(np.sqrt(5.0 * np.maximum(squares, 0.0)))


class Posterior:
    """Function given values at points.

    Args:
        kernel: hyperparameters.
        x: coordinates of the points, (n, d).
        y: values, (n,).
    """

    def __init__(self, kernel: Kernel, x: Array, y: Array) -> None:
        self.kernel, self._x = kernel, x
        covariance = kernel.covariance(x, x) + (kernel.noise + _JITTER) * np.eye(len(x))
        self._inverse, _ = inverse(covariance)
        self._weights = np.einsum("ij,j->i", self._inverse, y)

    def mean(self, x: Array) -> Array:
        """Return the expected values at rows (m, d)."""
        means: Array = np.einsum("ij,j->i", self.kernel.covariance(x, self._x), self._weights)
        return means

    def mean_and_deviation(self, x: Array) -> tuple[Array, Array]:
        """Return expected values and standard deviations, without noise."""
        across = self.kernel.covariance(x, self._x)
        variance = 1.0 - (product(across, self._inverse) * across).sum(1)
        return np.einsum("ij,j->i", across, self._weights), np.sqrt(np.maximum(variance, 1e-12))


def fit(x: Array, y: Array) -> Kernel:
    """Return hyperparameters of a large log posterior.

    Args:
        x: coordinates of the points, (n, d).
        y: values of the points, (n,).
    """
    squares = squared_differences(x)
    theta = first_theta(x.shape[1])
    step, previous = np.full_like(theta, _FIRST_STEP), np.zeros_like(theta)
    for _ in range(_STEPS):
        _, gradient = log_posterior(theta, squares, y)
        # A coordinate in which the points do not differ has no slope but rounding errors.
        sign = np.where(np.abs(gradient) < 1e-9, 0.0, np.sign(gradient))
        factor = np.where(sign * previous > 0, _GROWTH, np.where(sign * previous < 0, _SHRINKAGE, 1.0))
        step = np.clip(step * factor, _LEAST_STEP, _LARGEST_STEP)
        theta = np.clip(theta + sign * step, _LOWEST, _HIGHEST)
        theta[-1] = min(theta[-1], 0.0)
        previous = sign
    return Kernel(np.exp(theta[:-1]), float(np.exp(theta[-1])))


def first_theta(num_coordinates: int) -> Array:
    """Return theta_0, the mean of the prior, (d + 1,)."""
    length = math.log(0.7 * math.sqrt(num_coordinates / 7))
    return np.array([length] * num_coordinates + [math.log(0.1)])


def squared_differences(x: Array) -> Array:
    """Return the squared differences of pairs, (d, n * n)."""
    return np.stack([np.subtract.outer(column, column).ravel() ** 2 for column in x.T])


def log_posterior(theta: Array, squares: Array, y: Array) -> tuple[float, Array]:
    """Return the log posterior of theta and its gradient.

    The value lacks a constant.

    Args:
        theta: logarithms of the lengths and of the noise, (d + 1,).
        squares: squared differences of the points, (d, n * n).
        y: values of the points, (n,).
    """
    inverse_squares, noise = np.exp(-2.0 * theta[:-1]), math.exp(theta[-1])
    distance = np.sqrt(5.0 * np.einsum("j,ji->i", inverse_squares, squares)).reshape(len(y), len(y))
    covariance = _matern(distance) + (noise + _JITTER) * np.eye(len(y))
    precision, log_determinant = inverse(covariance)
    weights = np.einsum("ij,j->i", precision, y)
    # d/dtheta of the log likelihood is half the sum of `pull` times d covariance/dtheta.
    pull = np.outer(weights, weights) - precision
    slope = pull * (5.0 / 3.0) * (1.0 + distance) * np.exp(-distance)
    of_lengths = 0.5 * inverse_squares * np.einsum("ji,i->j", squares, slope.ravel())
    prior = theta - first_theta(len(theta) - 1)
    gradient = np.append(of_lengths, 0.5 * noise * np.trace(pull)) - prior
    value = -0.5 * (y @ weights + log_determinant + prior @ prior)
    return float(value), gradient


def _matern(distance: Array) -> Array:
    """Return (1 + q + q^2 / 3) exp(-q)."""
    return (1.0 + distance + distance * distance / 3.0) * np.exp(-distance)
