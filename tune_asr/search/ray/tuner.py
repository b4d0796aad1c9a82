"""Settings of Ray Tune for the conductor's trials."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from functools import partial

from ray import tune

from tune_asr.search.cards.placement import Placement
from tune_asr.search.conductor import Conductor
from tune_asr.search.ray.actors import memory_kills_as_deaths
from tune_asr.search.ray.executor import MessageScheduler, WorkSearcher
from tune_asr.search.ray.share import request
from tune_asr.search.ray.silent import SilenceWatch
from tune_asr.search.ray.worker import make_trainable


def fit(conductor: Conductor, placement: Placement, between: Callable[[], None], silence: SilenceWatch) -> None:
    """Run trials until the conductor has no more.

    Args:
        conductor: source of the work.
        placement: limit of trials at once, and what each gets.
        between: callback between any two events of Tune; an `EndSearch` that it raises leaves this function.
        silence: watch over silent workers.
    """
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # ledger and `progress` have what it would print
    # By default Tune asks for one trial at a time, and waits until its process is up before it asks again.
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(placement.slots + 1)
    with memory_kills_as_deaths():
        _tuner(conductor, WorkSearcher(conductor, placement, between, silence)).fit()


def _tuner(conductor: Conductor, searcher: WorkSearcher) -> tune.Tuner:
    root = conductor.folder.root
    return tune.Tuner(
        tune.with_resources(make_trainable(root.name), partial(request, cpus=searcher.placement.cpus)),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=MessageScheduler(conductor, searcher),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=lambda trial: trial.config["number"],
            trial_dirname_creator=lambda trial: f"{trial.config['number']}-{trial.trial_id}",
        ),
        run_config=tune.RunConfig(
            name=f"{time.time_ns()}",
            storage_path=str((root / ".tune").resolve()),
            verbose=0,
            # Each is a pointer of some bytes, but after so many new ones Tune saves a state that is never read.
            checkpoint_config=tune.CheckpointConfig(num_to_keep=10),
            # The conductor retries trials: Tune's retries are not in the ledger and end with the driver.
            failure_config=tune.FailureConfig(max_failures=0),
        ),
    )
