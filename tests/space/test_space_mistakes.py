"""Refused search spaces, with all mistakes at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tune_asr.config.keys import known_keys
from tune_asr.config.lightning_arguments import RESERVED
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError
from tune_asr.space.plan import from_values, load_plan

RULER = "it is part of the ruler, and trials measured by different rulers cannot be compared"


@pytest.fixture
def refusal(spaces):
    def refused(text: str, *assignments: str, base: str = "{}") -> str:
        spaces.base = base
        with pytest.raises(ConfigError) as caught:
            spaces.load(text, *assignments)
        return str(caught.value)

    return refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # The file.
        ("parm_space: {}", "space.yaml:2: parm_space: unknown section\n    Did you mean param_space?"),
        ("num_samples: 5", "space.yaml:2: num_samples: unknown section\n    Did you mean search.num_samples?"),
        ("param_space: 5", "space.yaml:2: param_space: is 5, but must be a mapping of keys"),
        ("over: 5", "space.yaml:2: over: is 5, but must be a mapping of keys"),
        (
            "search: {algorithm: bayes}",
            "space.yaml:2: search.algorithm: is 'bayes', but must be 'auto', 'random' or 'grid'",
        ),
        ("search: {num_sample: 5}", "space.yaml:2: search.num_sample: unknown key\n    Did you mean num_samples?"),
        ("search:\n  num_samples: 0", "space.yaml:3: search.num_samples: is 0, but must be 1 or more"),
        (
            "search: {max_concurrent: all}",
            "search.max_concurrent: is 'all', but must be auto, or a whole number above 0",
        ),
        ("search: {max_concurrent: 0}", "search.max_concurrent: is 0, but must be auto, or a whole number above 0"),
        ("search: {seed: x}", "space.yaml:2: search.seed: is 'x', but must be a whole number"),
        (
            "asha: {metric: wer}",
            "space.yaml:2: asha.metric: is 'wer', but must be 'score', 'objective', 'val_wer' or 'val_cer'",
        ),
        ("search: {stop: maybe}", "space.yaml:2: search.stop: is 'maybe', but must be 'auto' or 'never'"),
        ("search: {finalists: 3}", "space.yaml:2: search.finalists: is 3, but must be a mapping of keys"),
        ("search: {finalists: {seeds: 0}}", "space.yaml:2: search.finalists.seeds: is 0, but must be 1 or more"),
        (
            "search: {num_samples: 4, finalists: {top: 5}}",
            "space.yaml:2: search.finalists.top: is 5, but must be at most the number of trials, which is 4\n"
            "    Draw more trials, or train fewer again.",
        ),
        ("asha: {grace_period: 0}", "space.yaml:2: asha.grace_period: is 0, but must be 1 or more"),
        (
            "asha: {reduction_factor: 1}",
            "space.yaml:2: asha.reduction_factor: is 1, but must be 2 or more",
        ),
        (
            "asha: {max_t: 25}",
            "space.yaml:2: asha.max_t: is 25, but must be at most the horizon, trainer.max_epochs, which is 24"
            "\n    Raise both with --max-epochs.",
        ),
        ("resources: {cpus_per_trial: 0}", "space.yaml:2: resources.cpus_per_trial: is 0, but must be above 0"),
        ("resources: {gpus_per_trial: -1}", "gpus_per_trial: is -1, but must be auto, pack, or a number"),
        (
            "resources: {gpus_per_trial: all}",
            "is 'all', but must be auto, pack, or a number that is not below 0, and a whole one above 1",
        ),
        ("resources: {gpus_per_trial: 1.5}", "gpus_per_trial: is 1.5, but must be auto, pack, or a number"),
        # Distributions.
        (
            "param_space: {optimizer.lr: 5}",
            "space.yaml:2: param_space.optimizer.lr: is 5, but must be a distribution, such as {uniform: [0.0, 0.3]}"
            "\n    Put a fixed value into over: {optimizer.lr: 5}.",
        ),
        (
            "param_space: {optimizer: {lr: {uniform: [0.1, 1]}}}",
            "space.yaml:2: param_space.optimizer: lr is not a distribution; known: uniform, quniform, loguniform, "
            "qloguniform, randint, lograndint, choice, grid_search\n    Write the key as optimizer.lr.",
        ),
        (
            "param_space:\n  optimizer.lr: {loguniform: [0, 1]}",
            "space.yaml:3: param_space.optimizer.lr: loguniform: low must be above 0, because log 0 is not a number, "
            "but is 0\n    See search_spaces/README.md.",
        ),
        (
            "search: {algorithm: grid}\nparam_space: {optimizer.lr: {uniform: [0.1, 1]}}",
            "space.yaml:3: param_space.optimizer.lr: is uniform, but search.algorithm is grid"
            "\n    Use grid_search, or algorithm random.",
        ),
        (
            "search: {num_samples: 50_001}\nparam_space: {model.dim: {grid_search: [1, 2]}}",
            "space.yaml:2: search.num_samples: makes 100,002 trials, but must make at most 100,000"
            "\n    Draw fewer, or shorten the grids.",
        ),
        # Keys that there are not.
        (
            "param_space: {lr: {choice: [1]}}",
            "space.yaml:2: param_space.lr: unknown section\n    Did you mean optimizer.lr?",
        ),
        (
            "param_space: {model.dims: {choice: [1]}}",
            "space.yaml:2: param_space.model.dims: unknown key\n    Did you mean dim?",
        ),
        (
            "param_space: {data.nois: {choice: [1]}}",
            "space.yaml:2: param_space.data.nois: unknown key\n    Did you mean noise?",
        ),
        (
            "param_space: {data.max_seconds: {choice: [1]}}",
            "unknown key for this target\n    Set data.target: manifest, to which it belongs.",
        ),
        (
            "param_space: {data.val.hold_out: {choice: [0.1]}}",
            "data.val.hold_out: cannot be searched: it is part of",
        ),
        ("param_space: {features.max_cache_gb: {choice: [1]}}", "cannot be searched: it is not a setting"),
        ("param_space: {trainer.gradient_clip: {choice: [1]}}", "unknown key, not an argument of Lightning's Trainer"),
        (
            "param_space: {trainer.deterministic: {choice: [true, maybe]}}",
            "space.yaml:2: param_space.trainer.deterministic: is 'maybe', but must be true or false or 'warn'",
        ),
        ("over: {trainer.benchmark: often}", "space.yaml:2: over.trainer.benchmark: is 'often', but must be true or"),
        ("param_space: {seed.x: {choice: [1]}}", "param_space.seed.x: seed is a value, so seed.x cannot be set"),
        (
            "param_space: {optimizer.betas.0: {choice: [1]}}",
            "optimizer.betas is a value, so optimizer.betas.0 cannot be set",
        ),
        ("param_space: {'': {choice: [1]}}", "space.yaml:2: param_space.: unknown section"),
        # Values that the configuration does not take.
        (
            "param_space: {optimizer.lr: {uniform: [-1, 1]}}",
            "param_space.optimizer.lr: is -1.0, but must be above 0",
        ),
        ("param_space: {model.dim: {uniform: [1, 5]}}", "but must be a whole number"),
        ("param_space: {model.dim: {choice: [8, '16']}}", "param_space.model.dim: is '16', but must be a whole number"),
        ("param_space: {model.kernel_size: {randint: [3, 9]}}", "param_space.model.kernel_size: is 8, but must be odd"),
        ("param_space: {model.subsampling: {choice: [2, 3]}}", "model.subsampling: is 3, but must be 1, 2, 4 or 8"),
        (
            "param_space: {trainer.gradient_clip_val: {uniform: [-5, 5]}}",
            "is -5.0, but must be 0 or more",
        ),
        (
            "param_space: {optimizer.betas: {choice: [[0.9, 0.98], [0.9]]}}",
            "is [0.9], but must be a list of two numbers",
        ),
        # Two values for one key.
        (
            "param_space: {optimizer.lr: {choice: [1]}}\nover: {optimizer.lr: 2}",
            "space.yaml:2: param_space.optimizer.lr: is searched, but fixed as well, by space.yaml:3: over.optimizer.lr"
            "\n    Keep one of them.",
        ),
        (
            "param_space: {optimizer.lr: {choice: [1]}}\nover: {optimizer: {lr: 2}}",
            "is searched, but fixed as well, by space.yaml:3: over.optimizer",
        ),
        (
            "over: {seed: 3}",
            "space.yaml:2: over.seed: cannot be fixed in a search: each trial has its own, from search.seed\n"
            "    Give all trials the same with param_space: {seed: {choice: [7]}}.",
        ),
        # Fixed values.
        ("over: {optimizer.lrr: 1}", "space.yaml:2: over.optimizer.lrr: unknown key\n    Did you mean lr?"),
        ("over: {optimizer.lr: fast}", "space.yaml:2: over.optimizer.lr: is 'fast', but must be a number"),
        ("over: {search.seed: 3}", "space.yaml:2: over.search.seed: search: unknown section"),
    ],
)
def test_refused(refusal, text, message):
    assert message in refusal(text)


def searched(key: str, value: str = "x") -> str:
    return f"param_space: {{{key}: {{choice: [{value}]}}}}"


@pytest.mark.parametrize(
    "key",
    ["data.val", "data.test", "data.target", "data.train", "data.noise", "data.seed", "data.num_val"]
    + ["checkpoint.weights"]
    + [f"text.{key}" for key in known_keys("text") if key not in ("unit", "vocab_size")],
)
def test_ruler_not_searched(refusal, key):
    assert refusal(searched(key)) == f"space.yaml:2: param_space.{key}: cannot be searched: {RULER}"


@pytest.mark.parametrize("key", ["text.unit", "text.vocab_size"])
def test_units_not_searched(refusal, key):
    assert "cannot be searched: the loss is counted per symbol, so" in refusal(searched(key))


@pytest.mark.parametrize("key", ["model.init_from", "augment.noise_dir"])
def test_path_not_searched(refusal, key):
    assert "cannot be searched: it is a path\n    Set it in the base or in over." in refusal(searched(key))


@pytest.mark.parametrize("key", ["data.val", "data.test", "data.target"])
def test_ruler_of_custom_data_not_searched(refusal, key):
    assert RULER in refusal(searched(key), base="data: {target: my.Data}")


@pytest.mark.parametrize(
    ("base", "key", "instead"),
    [
        ("model: {target: my.Model}", "optimizer.lr", "model.*"),
        ("model: {target: my.Model}", "augment.p", "model.*"),
        ("data: {target: my.Data}", "features.sample_rate", "data.*"),
    ],
)
def test_keys_unknown_to_custom_class_not_searched(refusal, base, key, instead):
    message = refusal(f"param_space: {{{key}: {{choice: [0.1, 0.2]}}}}", base=base)
    assert f"{key}: cannot be searched: a custom class is not given it\n    " in message
    assert message.endswith(f"Search the parameters of that class, {instead}.")


@pytest.mark.parametrize(
    ("key", "base", "rival"),
    [
        ("optimizer.ema_decay", "{}", "checkpoint.weights: raw"),
        ("scheduler.hold_fraction", "{}", "scheduler.name: cosine"),
        ("scheduler.factor", "{}", "scheduler.name: cosine"),
        ("scheduler.final_fraction", "scheduler: {name: noam}", "scheduler.name: noam"),
        ("optimizer.ema_decay", "model: {target: my.Model}", "checkpoint.weights: raw"),
    ],
)
def test_key_without_effect_not_searched(refusal, key, base, rival):
    message, name = refusal(searched(key, "0.1, 0.2"), base=base), rival.partition(":")[0]
    assert message.startswith(
        f"space.yaml:2: param_space.{key}: cannot be searched: it has no effect under {rival}\n"
        f"    Set {name} in the base"
    )


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("param_space: {optimizer.ema_decay: {choice: [0.9, 0.99]}}", "checkpoint: {weights: ema}"),
        (
            "param_space: {optimizer.ema_decay: {choice: [0.9, 0.99]}}",
            "{checkpoint: {weights: ema}, model: {target: my.Model}}",
        ),
        (
            "param_space: {scheduler.patience: {choice: [1, 2]}, scheduler.name: {choice: [cosine, plateau]}}",
            "{}",
        ),
        ("param_space: {scheduler.factor: {choice: [0.1, 0.2]}}", "model: {target: my.Model}"),
    ],
)
def test_key_with_effect_is_searched(spaces, text, base):
    """Keys used by some trial can be searched."""
    spaces.base = base
    assert spaces.load(text).distributions


@pytest.mark.parametrize("section", [section for section in Config.model_fields if section != "seed"])
def test_whole_section_not_searched(refusal, section):
    assert "cannot be searched: it is a section\n    Search its keys" in refusal(searched(section, "{}"))


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("trainer.max_epochs", "it is the horizon of the schedules\n    Set asha.max_t or --max-epochs."),
        ("early_stopping.patience", "ASHA decides when a trial ends"),
        ("checkpoint.save_top_k", "it is not a setting of the recogniser"),
        ("logging.project", "it is not a setting of the recogniser"),
    ],
)
def test_other_keys_not_searched(refusal, key, reason):
    """Horizon, early stopping, checkpoints and logs are refused."""
    assert refusal(searched(key, "4")) == f"space.yaml:2: param_space.{key}: cannot be searched: {reason}"


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_arguments_not_searched_nor_fixed(refusal, name):
    """Arguments set by tune_asr are refused in both places."""
    rule = f"trainer.{name}: cannot be set: {RESERVED[name].why}"
    for message in (refusal(searched(f"trainer.{name}", "1")), refusal(f"over: {{trainer.{name}: 1}}")):
        assert rule in message and RESERVED[name].hint in message
    assert f"over.{rule}" in message


def test_overlapping_keys_refused(refusal):
    text = "param_space:\n  model.a: {choice: [1]}\n  model.a.b: {choice: [1]}\n  model.ab: {choice: [1]}"
    message = refusal(text, base="model: {target: my.Model}")
    assert (
        "space.yaml:3: param_space.model.a: overlaps with space.yaml:4: param_space.model.a.b\n    Keep one" in message
    )
    assert "space.yaml:4: param_space.model.a.b: overlaps with space.yaml:3: param_space.model.a\n" in message
    assert "model.ab" not in message


def test_wrong_flag_named(refusal):
    assert refusal("", "search.num_samples=0").startswith("--set search.num_samples=0: is 0, but must be")
    assert refusal("", "asha=5") == "--set asha=5: is 5, but must be a mapping of keys"
    assert refusal("", "param_space.x=5").startswith("--set param_space.x=5: param_space: unknown section")
    message = refusal(searched("optimizer.lr", "1"), "optimizer.lr=2")
    assert "is searched, but fixed as well, by --set optimizer.lr=2" in message


def test_all_mistakes_of_both_files_reported(refusal):
    text = "\n".join(
        [
            "search: {num_samples: 0, algorithm: bayes}",
            "param_space:",
            "  optimizer.lr: {loguniform: [1, 0]}",
            "  optimzer.lr: {uniform: [0, 1]}",
            "  data.val: {choice: [a, b]}",
            "  model.num_layers: {randint: [1, 5]}",
            "over: {model.dims: 5}",
            "parm_space: {}",
        ]
    )
    message = refusal(text, "asha.metric=wer", base="seed: 1\nmodel:\n  dropout: 2\ntrainer: {foo: 1}\n")
    places = [line.split(": ")[0] for line in message.splitlines() if not line.startswith(" ")]
    assert sorted(places) == [
        "--set asha.metric=wer",
        "base.yaml:3",
        "base.yaml:4",
        *(f"space.yaml:{line}" for line in (2, 2, 4, 5, 6, 8, 9)),
    ]


def test_no_base_configuration(tmp_path):
    path = tmp_path / "space.yaml"
    for text in ("{}", "config:", "config: ''"):
        path.write_text(text)
        with pytest.raises(
            ConfigError, match=r"space.yaml:1: config: no base configuration\n    Give config: or --config"
        ):
            load_plan(path)
    path.write_text("config: nowhere.yaml\nparam_space: {optimizer.lr: {uniform: [1, 0]}}")
    with pytest.raises(ConfigError, match=r"space.yaml:1: config: is 'nowhere.yaml', but") as caught:
        load_plan(path)
    assert len(caught.value.problems) == 2


def test_damaged_copy_named():
    with pytest.raises(ConfigError, match=r"^search.yaml: space: asha.metric: is 'wer', but"):
        from_values({"asha": {"metric": "wer"}}, {}, "search.yaml")
    with pytest.raises(ConfigError, match=r"^search.yaml: config: model.dim: is 0, but"):
        from_values({}, {"model": {"dim": 0}}, "search.yaml")


def test_plan_loads_nothing_heavy(spaces, tmp_path):
    spaces.load("param_space: {trainer.accelerator: {choice: [cpu]}, optimizer.lr: {uniform: [0.1, 1.0]}}")
    code = (
        "import sys; from pathlib import Path; from tune_asr.space.plan import load_plan; "
        f"load_plan(Path({str(tmp_path / 'space.yaml')!r})); "
        "print([name for name in ('torch', 'lightning', 'ray', 'numpy', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
