"""Data of a search: survey, fingerprints and files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tune_asr.config.data_sections import ManifestData
from tune_asr.config.keys import facts
from tune_asr.config.load import from_values
from tune_asr.config.overrides import overridden
from tune_asr.config.sections import Config
from tune_asr.corpus.beside import files_beside
from tune_asr.corpus.listings import listing_of, validation_of
from tune_asr.corpus.sources import survey
from tune_asr.space.plan import Plan
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.manifest.listing import files_of
from tune_asr.speech.survey.survey import Survey, too_many_infeasible

SUBSAMPLING = "model.subsampling"
RECORDINGS_LOOKED_AT = 32


def checked_survey(plan: Plan) -> Survey | None:
    """Survey the data before anything starts.

    The subsampling is the finest of any trial; trials with a coarser one may fail. None for a custom data module.

    Raises:
        DataError: the data cannot be used; all problems are named.
    """
    searched = SUBSAMPLING in plan.distributions
    finest = {SUBSAMPLING: min(plan.values_of(SUBSAMPLING))} if searched else {}
    found = survey(from_values(overridden(plan.config.model_dump(), finest), "the base configuration"))
    if found:
        found.check()
    return found


def data_report(plan: Plan, found: Survey) -> str:
    """Return the data report, with searched values beyond the data."""
    return "\n".join([found.render(), *_infeasible_draws(plan, found)])


def _infeasible_draws(plan: Plan, found: Survey) -> Iterator[str]:
    """Yield a sentence per subsampling with too few frames."""
    searched = SUBSAMPLING in plan.distributions
    train = found.corpus.train
    for value in sorted(set(plan.values_of(SUBSAMPLING))) if searched else ():
        infeasible = len(replace(found, subsampling=value).infeasible(train))
        if too_many_infeasible(infeasible, len(train)):
            share = f"{infeasible:,} of {len(train):,} training transcripts are too long for their frames"
            yield f"trials with {SUBSAMPLING} {value} will fail: {share}"


def fingerprints(plan: Plan, found: Survey | None) -> dict[str, str]:
    """Return the fingerprints required of each worker's data.

    If searched keys change the training data, only validation has to agree.
    """
    if found is None:
        return {}
    fingerprints = {"val_fingerprint": found.corpus.val_fingerprint}
    if not any(facts(key).other_data for key in plan.distributions):
        fingerprints["fingerprint"] = found.corpus.fingerprint
    return fingerprints


def data_files(config: Config, found: Survey | None) -> list[tuple[str, int]]:
    """Return files required on every node, with their sizes.

    These are initial weights, some of the noise, the manifests, and recordings of every length.
    """
    beside = [(str(path), path.stat().st_size) for path in files_beside(config)]
    if found is None or not isinstance(config.data, ManifestData):
        return beside
    utterances = sorted((*found.corpus.train, *found.corpus.val), key=lambda utterance: utterance.seconds)
    sample = utterances[:: math.ceil(len(utterances) / RECORDINGS_LOOKED_AT)] + utterances[-1:]
    recordings = [str(utterance.audio.path) for utterance in sample if isinstance(utterance.audio, FileAudio)]
    data = config.data
    manifests = dict.fromkeys((listing_of(data.train), validation_of(data.val, data.train)))
    files = [*(str(file) for listing in manifests for file in files_of(listing)), *recordings]
    return [(path, Path(path).stat().st_size) for path in files] + beside
