"""Products and inverses of matrices, small enough at a time for one thread.

OpenBLAS shares a larger product among threads that wait by spinning. A search trains on every core meanwhile, and a
proposal of 0.1 s took 10 s beside it. Blocks below its thresholds stay in the calling thread, and cost no more than one
call in a single thread.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_MOST_MULTIPLICATIONS = 2**18
"""Largest product that OpenBLAS leaves to one thread (interface/gemm.c)."""
_BLOCK = 32


def product(a: Array, b: Array) -> Array:
    """Return the product of two matrices."""
    rows = max(1, _MOST_MULTIPLICATIONS // max(1, b.size))
    result = np.empty((len(a), b.shape[1]))
    for start in range(0, len(a), rows):
        np.matmul(a[start : start + rows], b, out=result[start : start + rows])
    return result


def inverse(a: Array) -> tuple[Array, float]:
    """Return a matrix's inverse and log determinant.

    The matrix is positive definite. The Gauss-Jordan method in blocks needs no pivots, because the diagonal has noise.
    """
    result, log_determinant = a.copy(), 0.0
    for start in range(0, len(a), _BLOCK):
        block = slice(start, start + _BLOCK)
        log_determinant += float(np.linalg.slogdet(result[block, block])[1])
        pivot = np.asarray(np.linalg.inv(result[block, block]), np.float64)
        row, column = product(pivot, result[block]), result[:, block].copy()
        column[block] = 0.0
        result -= product(column, row)
        result[block] = row
        result[:, block] = -product(column, pivot)
        result[block, block] = pivot
    return result, log_determinant
