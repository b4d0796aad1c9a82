"""Samples of an utterance, as they were surveyed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tune_asr.errors import DataError, Problem
from tune_asr.speech.audio.recordings import AudioError
from tune_asr.speech.corpus import Utterance


def samples_of(utterance: Utterance) -> tuple[npt.NDArray[np.float32], int]:
    """Read the samples of a recording, and their rate.

    Raises:
        DataError: it cannot be read, or its length has changed since the survey.
    """
    place = f"utterance {utterance.id}"
    try:
        samples, sample_rate = utterance.audio.samples()
    except (AudioError, OSError) as error:
        raise DataError(Problem(place, f"its recording {error}")) from error
    if len(samples) != round(utterance.seconds * sample_rate):
        now, then = (f"{seconds:.4g} s" for seconds in (len(samples) / sample_rate, utterance.seconds))
        what = f"its recording lasts {now}, and lasted {then} when the data were surveyed"
        raise DataError(Problem(place, what, "Restore it, or start again with the new recording."))
    return samples, sample_rate
