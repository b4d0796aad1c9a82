"""Sentence on two recognisers, scored on the same utterances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tune_asr.scoring.intervals import paired_difference


def comparison(
    errors_a: ArrayLike, errors_b: ArrayLike, sizes: ArrayLike, *, names: tuple[str, str], rate: str = "WER"
) -> str:
    """Return a sentence on the better of two recognisers.

    Args:
        errors_a: (s,) errors of one, by utterance.
        errors_b: (s,) errors of the other, for the same utterances.
        sizes: (s,) words or characters of each reference.
        names: names of the two in the sentence.
        rate: name of the error rate.
    """
    one, other = names
    if np.array_equal(errors_a, errors_b):
        alike = f"they have the same number of errors in each of {np.size(sizes)} utterances"
        return _with_capital(f"{one} and {other} tie: {alike}.")
    low, high, probability = paired_difference(errors_a, errors_b, sizes)
    if low > 0:  # from the side of the better one, so that the order of the arguments changes no number
        return comparison(errors_b, errors_a, sizes, names=(other, one), rate=rate)
    if high < 0:
        verdict = f"{one} beats {other}: its {rate} is {-100 * high:.1f} to {-100 * low:.1f} points lower"
    else:
        difference = f"{100 * low:+.1f} to {100 * high:+.1f} points"
        verdict = f"{one} and {other} cannot be told apart: the difference of their {rate} is {difference}"
    return (
        f"{_with_capital(verdict)} (95 %, paired bootstrap over {np.size(sizes)} utterances); {one} is "
        f"better in {100 * probability:.0f} % of replicates."
    )


def _with_capital(sentence: str) -> str:
    """Begin a sentence with `The`.

    Another name is a path or a number.
    """
    return f"The {sentence.removeprefix('the ')}" if sentence.startswith("the ") else sentence
