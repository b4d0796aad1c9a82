"""Refused configurations, with all mistakes at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.config.keys import known_keys
from tune_asr.config.lightning_arguments import ARGUMENTS, RESERVED, broken_rule, trainer_arguments
from tune_asr.config.load import check, from_values
from tune_asr.config.overrides import Layered
from tune_asr.config.sections import Config
from tune_asr.config.strict_yaml import parse
from tune_asr.errors import ConfigError

NAMES = st.sampled_from(
    [*(key for section in Config.model_fields for key in known_keys(section)), "devices", "custom", "x"]
)


def load(text: str) -> Config:
    return check(Layered.of(parse(text, "c.yaml")))


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Names.
        ("optimiser: {}", "c.yaml:1: optimiser: unknown section\n    Did you mean optimizer?"),
        ("lr: 1e-3", "c.yaml:1: lr: unknown section\n    Did you mean optimizer.lr?"),
        ("name: x", "c.yaml:1: name: unknown section\n    Did you mean optimizer.name or scheduler.name?"),
        ("zzz: 1", "c.yaml:1: zzz: unknown section\n    Known: augment, base, checkpoint, data, "),
        ("optimizer:\n  lrr: 1", "c.yaml:2: optimizer.lrr: unknown key\n    Did you mean lr?"),
        (
            "optimizer: {zzz: 1}",
            "c.yaml:1: optimizer.zzz: unknown key\n    "
            "Known: betas, ema_decay, encoder_lr_scale, lr, lr_reference_batch, name, weight_decay",
        ),
        ("optimizer: {custom: 1}", "c.yaml:1: optimizer.custom: unknown key"),
        (
            "data: {train: x}",
            "c.yaml:1: data.train: unknown key for this target\n    Set data.target: manifest, to which it belongs.",
        ),
        (
            "data: {val: x.jsonl}",
            "c.yaml:1: data.val: unknown key for this target\n    Set data.target: manifest, to which it belongs.",
        ),
        (
            "data: {val: {hold_out: 0.1}}",
            "c.yaml:1: data.val: unknown key for this target\n    Set data.target: manifest, to which it belongs.",
        ),
        ("model: {hidden: 1}", "c.yaml:1: model.hidden: unknown key"),
        # Types: nothing is turned into something else.
        ("seed: x", "c.yaml:1: seed: is 'x', but must be a whole number"),
        ("seed:", "c.yaml:1: seed: is null, but must be a whole number"),
        ("model: {dim: 1.5}", "c.yaml:1: model.dim: is 1.5, but must be a whole number"),
        ("model: {dim: '96'}", "c.yaml:1: model.dim: is '96', but must be a whole number"),
        ("model: {dim: true}", "c.yaml:1: model.dim: is true, but must be a whole number"),
        ("model: {subsampling: true}", "c.yaml:1: model.subsampling: is true, but must be a whole number"),
        ("optimizer: {lr: fast}", "c.yaml:1: optimizer.lr: is 'fast', but must be a number"),
        ("optimizer: {lr: true}", "c.yaml:1: optimizer.lr: is true, but must be a number"),
        ("data: {bucketing: yes}", "c.yaml:1: data.bucketing: is 'yes', but must be true or false"),
        ("logging: {tensorboard: 1}", "c.yaml:1: logging.tensorboard: is 1, but must be true or false"),
        ("logging: {run_name: 5}", "c.yaml:1: logging.run_name: is 5, but must be text"),
        ("optimizer: 5", "c.yaml:1: optimizer: is 5, but must be a mapping of keys"),
        ("optimizer: [1]", "c.yaml:1: optimizer: is [1], but must be a mapping of keys"),
        ("data: [1]", "c.yaml:1: data: is [1], but must be a mapping of keys"),
        ("trainer: fast", "c.yaml:1: trainer: is 'fast', but must be a mapping of keys"),
        ("optimizer: {betas: 0.9}", "c.yaml:1: optimizer.betas: is 0.9, but must be a list of two numbers"),
        ("optimizer: {betas: [0.9]}", "c.yaml:1: optimizer.betas: is [0.9], but must be a list of two numbers"),
        ("optimizer:\n  betas:\n  - 0.9\n  - x", "c.yaml:4: optimizer.betas.1: is 'x', but must be a number"),
        # Bounds.
        ("model: {dim: 0}", "c.yaml:1: model.dim: is 0, but must be 1 or more"),
        ("optimizer: {lr: 0}", "c.yaml:1: optimizer.lr: is 0, but must be above 0"),
        ("optimizer: {lr: .inf}", "c.yaml:1: optimizer.lr: is inf, but must be a finite number"),
        ("optimizer: {lr: nan}", "c.yaml:1: optimizer.lr: is 'nan', but must be a finite number"),
        ("optimizer: {lr: .nan}", "c.yaml:1: optimizer.lr: is nan, but must be a finite number"),
        ("optimizer: {betas: [0.9, 1]}", "c.yaml:1: optimizer.betas.1: is 1, but must be below 1"),
        (
            "scheduler: {warmup_fraction: 2}",
            "c.yaml:1: scheduler.warmup_fraction: is 2, but must be at most 1",
        ),
        (
            "scheduler: {name: cosin}",
            "c.yaml:1: scheduler.name: is 'cosin', but must be 'constant', 'cosine', 'plateau', 'one_cycle', 'noam' or "
            "'tri_stage'",
        ),
        ("features: {max_cache_gb: 1e300}", "max_cache_gb: is 1e+300, but must be at most 1000000"),
        ("model: {subsampling: 3}", "c.yaml:1: model.subsampling: is 3, but must be 1, 2, 4 or 8"),
        ("model: {kernel_size: 4}", "c.yaml:1: model.kernel_size: is 4, but must be odd, so that a frame has as many"),
        ("checkpoint: {average_top_k: 1}", "c.yaml:1: checkpoint.average_top_k: is 1, but must be 0, or 2 and more"),
        ("data: {min_words: 5}", "c.yaml:1: data: min_words is 5, but must be at most max_words, 4"),
        ("data: {alphabet: a}", "c.yaml:1: data.alphabet: is 'a', but must have 2 or more characters"),
        ("data: {alphabet: aba}", "c.yaml:1: data: alphabet is 'aba', but must be letters, each of them once"),
        ("checkpoint: {dirpath: ''}", "c.yaml:1: checkpoint.dirpath: is '', but must have 1 or more characters"),
        # Targets.
        (
            "data: {target: manifest}",
            "c.yaml:1: data.train: is missing\n    Give data.train.\nc.yaml:1: data.val: is missing",
        ),
        (
            "data: {target: manifst}",
            "c.yaml:1: data.target: is 'manifst', but must be a built-in name or a dotted path",
        ),
        ("data: {target: manifst}", "package.module.Class\n    Did you mean manifest?"),
        (
            "data: {target: conv_ctc}",
            "c.yaml:1: data.target: is 'conv_ctc', but must be a built-in name or a dotted path",
        ),
        ("model: {target: synthetic}", "package.module.Class\n    Known: bigru_ctc, conformer_ctc, conv_ctc"),
        ("model: {target: custom}", "c.yaml:1: model.target: is 'custom', but must be a built-in name"),
        ("model: {target: a..b}", "c.yaml:1: model.target: is 'a..b', but must be a built-in name"),
        ("model: {target: }", "c.yaml:1: model.target: is null, but must be text"),
        ("data: {target: [1]}", "c.yaml:1: data.target: is [1], but must be text"),
        (
            "data: {target: manifest, train: '', val: x}",
            "c.yaml:1: data.train: is '', but must have 1 or more characters",
        ),
        (
            "data: {target: manifest, train: t, val: {hold_out: 2, by: size}}",
            "c.yaml:1: data.val.hold_out: is 2, but must be below 1\n"
            "c.yaml:1: data.val.by: is 'size', but must be 'speaker', 'text' or 'random'",
        ),
        (
            "data:\n  target: manifest\n  train: t\n  val:\n    holdout: 0.1",
            "c.yaml:4: data.val.hold_out: is missing\n    Give data.val.hold_out.\n"
            "c.yaml:5: data.val.holdout: unknown key\n    Did you mean hold_out?",
        ),
        (
            "data: {target: manifest, train: t, val: 3}",
            "c.yaml:1: data.val: is 3, but must be a path, or a mapping such as {hold_out: 0.05}",
        ),
        (
            "data: {target: manifest, train: 3, val: [], test: {recording: r, supervisions: ''}}",
            "c.yaml:1: data.train: is 3, but must be a path, or a list of paths\n"
            "c.yaml:1: data.val: is empty, but must have an entry\n"
            "c.yaml:1: data.test.recordings: is missing\n    Give data.test.recordings.\n"
            "c.yaml:1: data.test.supervisions: is '', but must have 1 or more characters\n"
            "c.yaml:1: data.test.recording: unknown key\n    Did you mean recordings?",
        ),
        (
            "data:\n  target: manifest\n  train:\n  - t\n  - {recordings: r}\n  - [u]\n  val: {by: x, recordings: r}",
            "c.yaml:5: data.train.1.supervisions: is missing\n    Give data.train.1.supervisions.\n"
            "c.yaml:6: data.train.2: is ['u'], but must be a path\n"
            "c.yaml:7: data.val.supervisions: is missing\n    Give data.val.supervisions.\n"
            "c.yaml:7: data.val.by: does not go with recordings and supervisions\n    Keep one of the two.",
        ),
        # Keys that must suit each other.
        (
            "model: {target: conformer_ctc, dim: 90}",
            "c.yaml:1: model: dim is 90, but must be a multiple of num_heads, 4",
        ),
        ("model: {target: conformer_ctc, kernel_size: 4}", "c.yaml:1: model.kernel_size: is 4, but must be odd"),
        ("model: {target: bigru_ctc, kernel_size: 5}", "c.yaml:1: model.kernel_size: unknown key for this target"),
        (
            "scheduler: {name: tri_stage, warmup_fraction: 0.5, hold_fraction: 0.5}",
            "c.yaml:1: scheduler: warmup_fraction is 0.5 and hold_fraction 0.5, but their sum must be below 1",
        ),
        (
            "model: {freeze_steps: 5}",
            "c.yaml:1: model: freeze_steps is 5, but must be 0 without init_from",
        ),
        (
            "scheduler: {name: tri_stage, final_fraction: 0}",
            "c.yaml:1: scheduler: final_fraction is 0, but must be above 0 for tri_stage",
        ),
        # Lightning's arguments.
        (
            "trainer: {gradient_clip: 2}",
            "c.yaml:1: trainer.gradient_clip: unknown key, not an argument of Lightning's Trainer",
        ),
        ("trainer: {gradient_clip: 2}", "    Did you mean gradient_clip_val?"),
        ("trainer: {devices: 2}", "c.yaml:1: trainer.devices: cannot be set: a trial trains on one device"),
        (
            "trainer: {precision: bf16}",
            "c.yaml:1: trainer.precision: unknown key\n    Did you mean precision.precision?",
        ),
        (
            "precision: {max_epochs: 3}",
            "c.yaml:1: precision.max_epochs: unknown key\n    Did you mean trainer.max_epochs?",
        ),
        (
            "precision: {num_threads: 3}",
            "c.yaml:1: precision.num_threads: unknown key\n    Did you mean trainer.num_threads?",
        ),
        (
            "trainer: {benchmark: true}\nprecision: {benchmark: true}",
            "c.yaml:2: precision.benchmark: stands in trainer as well\n    Keep one of them.",
        ),
        ("trainer:\n  inference_mode: 5", "c.yaml:2: trainer.inference_mode: is 5, but must be true or false"),
        ("trainer: {limit_test_batches: x}", "c.yaml:1: trainer.limit_test_batches: is 'x', but must be a number"),
        ("trainer: {limit_train_batches: 1.5}", "is 1.5, but must be a whole number of batches, or a share of them"),
        ("trainer: {limit_train_batches: true}", "is true, but must be a whole number of batches, or a share of them"),
        ("trainer: {log_every_n_steps: -1}", "is -1, but must be 0 or more"),
        ("trainer: {detect_anomaly: }", "c.yaml:1: trainer.detect_anomaly: is null, but must be true or false"),
        ("trainer: {benchmark: [1]}", "c.yaml:1: trainer.benchmark: is [1], but must be true or false"),
        (
            "precision: {deterministic: maybe}",
            "precision.deterministic: is 'maybe', but must be true or false or",
        ),
        ("trainer: {accelerator: gpuu}", "is 'gpuu', but must be 'auto', 'cpu', 'cuda', 'gpu', 'mps' or 'tpu'"),
        ("trainer: {gradient_clip_algorithm: l2}", "is 'l2', but must be 'norm' or 'value'"),
    ],
)
def test_refused(text, message):
    assert message in refusal(text)


def test_all_mistakes_of_file_reported():
    """All mistakes are reported at once, each at its place."""
    text = "\n".join(
        [
            "modl: {}",
            "optimizer:",
            "  lr: x",
            "  betas: [0.9, 2]",
            "trainer:",
            "  max_epochs: 0",
            "  foo: 1",
            "  devices: 2",
            "data:",
            "  target: manifest",
            "  train: a",
        ]
    )
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert {problem.place for problem in caught.value.problems} == {
        "c.yaml:1: modl",
        "c.yaml:3: optimizer.lr",
        "c.yaml:4: optimizer.betas.1",
        "c.yaml:6: trainer.max_epochs",
        "c.yaml:7: trainer.foo",
        "c.yaml:8: trainer.devices",
        "c.yaml:9: data.val",
    }
    assert caught.value.exit_code == 2


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["manifest", "conv_ctc", "a.b", "x", ""])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=4
)
TREES = st.dictionaries(
    st.sampled_from([*Config.model_fields, "x"]), st.dictionaries(NAMES, VALUES, max_size=3) | VALUES, max_size=3
)


@given(TREES)
def test_any_tree_loads_or_is_refused(values):
    try:
        config = check(Layered(values))
    except ConfigError as error:
        assert error.problems
    else:
        assert isinstance(config, Config)


def test_empty_section_holds_defaults():
    assert load("logging:\nmodel:\ndata:\n") == Config()


def test_floats_accepted_as_whole_numbers():
    config = load("{seed: 1e3, model: {dim: 64.0, subsampling: 2.0}, optimizer: {lr: 1}}")
    assert (config.seed, config.model.dim, config.model.subsampling, config.optimizer.lr) == (1000, 64, 2, 1)
    assert type(config.model.subsampling) is int


def test_trainer_arguments_passed_through():
    config = load("{trainer: {accelerator: cpu, log_every_n_steps: 5}, precision: {benchmark: true}}")
    assert config.trainer.model_extra == {"accelerator": "cpu", "log_every_n_steps": 5}
    assert config.precision.model_extra == {"benchmark": True}


def test_trainer_arguments_match_signature():
    import inspect

    from lightning.pytorch import Trainer

    signature = [name for name in inspect.signature(Trainer.__init__).parameters if name != "self"]
    assert list(trainer_arguments()) == signature
    assert set(RESERVED) <= set(signature)
    own = {*known_keys("trainer"), *known_keys("precision")} & set(signature)
    assert {*RESERVED, *ARGUMENTS, *own} == set(signature), "declare an argument of a new Lightning"


def test_configuration_survives_own_values():
    text = "{seed: 5, data: {target: my.Data, train: x, deep: {a: [1]}}, trainer: {accelerator: cpu}, model: {dim: 8}}"
    config = load(text)
    assert from_values(config.model_dump(), "copy") == config
    manifest = load("data: {target: manifest, train: t, val: v}")
    assert from_values(manifest.model_dump(), "copy") == manifest


def test_copy_named_without_line():
    """Copies without lines are named without a line."""
    with pytest.raises(ConfigError, match=r"^trial 00003: model.dim: is 0, but"):
        from_values({"model": {"dim": 0}}, "trial 00003")


def test_trainer_defaults_allowed():
    import inspect

    from lightning.pytorch import Trainer

    parameters = inspect.signature(Trainer).parameters
    assert {name: broken_rule(name, parameters[name].default) for name in trainer_arguments()} == dict.fromkeys(
        trainer_arguments(), ""
    )


def test_undeclared_argument_left_to_lightning():
    """Arguments without a declared type are left to Lightning."""
    assert [broken_rule("max_time", value) for value in ("00:01:00", {"hours": 1}, 5)] == ["", "", ""]
