"""Description of a search in search.yaml, and its changes."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version

from tune_asr import __version__
from tune_asr.corpus.beside import noise_fingerprint
from tune_asr.record.search_yaml import SearchYaml
from tune_asr.scoring.metric import custom_metric, score_name
from tune_asr.space.plan import Plan
from tune_asr.speech.survey.survey import Survey
from tune_asr.wording import count, value_text

NOISE_P = "augment.noise_p"


def describe(plan: Plan, name: str, found: Survey | None) -> SearchYaml:
    """Return the content of search.yaml but for `slots`."""
    noise = noise_of(plan)
    content: SearchYaml = {
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "data_fingerprint": found.corpus.fingerprint if found else None,
        "val_fingerprint": found.corpus.val_fingerprint if found else None,
        "noise_fingerprint": noise or "",
        "metric": found.choice.metric if found else custom_metric(plan.config.text.score),
        "seed": plan.space.search.seed,
        "space": plan.values(),
        "config": plan.base_values(),
    }
    if not noise:
        del content["noise_fingerprint"]
    return content


def with_score(plan: Plan, found: Survey | None) -> Plan:
    """Return a new search's plan with `text.score` settled.

    So trials, best.yaml and bundles keep the choice, whatever they look at. Under custom data it stays as it is.
    """
    if found is None:
        return plan
    return replace(plan, config=plan.config.with_text(score=score_name(found.choice.metric)))


def no_pruning(plan: Plan) -> str:
    """Return a sentence if ASHA cannot stop a trial."""
    grace = plan.space.asha.grace_period
    if grace < plan.last_epoch:
        return ""
    return f"no pruning: a trial ends after {count(plan.last_epoch, 'epoch')}, and asha.grace_period is {grace}"


def cut_schedule(plan: Plan) -> str:
    """Return a sentence if `max_t` ends trials in mid-schedule."""
    last, horizon = plan.max_t, plan.config.trainer.max_epochs
    if last == horizon:
        return ""
    what = f"asha.max_t is {last}, below trainer.max_epochs, which is {horizon}"
    return f"{what}: trials end in the middle of their schedule. --max-epochs E sets both"


def remarks(plan: Plan) -> Iterator[str]:
    """Yield what is odd about a space without being wrong."""
    if warning := no_pruning(plan):
        yield warning
    yield from filter(None, [cut_schedule(plan)])
    if not plan.is_base(0):
        return
    if plan.num_trials == 1:
        yield "search.num_samples is 1: the base configuration is the only trial, and nothing is searched"
    for key, value in plan.settings(0).items():
        distribution = plan.distributions[key]
        if distribution.bounds and not distribution.covers(value):
            searched = f"{distribution.kind} {value_text(list(distribution.arguments))}"
            yield f"the base has {key} {value_text(value)}, outside {searched}: trial 00000 is trained with it"


def noise_of(plan: Plan) -> str | None:
    """Return the fingerprint of recorded noise, None without any."""
    return noise_fingerprint(plan.config, used=NOISE_P in plan.distributions or plan.config.augment.noise_p > 0)


def versions() -> dict[str, str]:
    """Return the versions of this program and its libraries."""
    packages = ("torch", "lightning", "ray", "sentencepiece")
    own = {"python": platform.python_version(), "tune_asr": __version__}
    return own | {package: version(package) for package in packages}


def changed_versions(before: Mapping[str, str]) -> str:
    """Return changed versions as text, e.g. `torch 2.9.0, now 2.9.1`."""
    now = versions()
    return ", ".join(f"{name} {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name])
