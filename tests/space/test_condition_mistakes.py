"""Refused conditions, each at its place."""

from __future__ import annotations

import pytest

from tune_asr.errors import ConfigError

THREE = "model.target: {choice: [conv_ctc, bigru_ctc, conformer_ctc]}"
HEADS = "model.num_heads: {choice: [4, 8], when: {model.target: conformer_ctc}}"
AT = "space.yaml:4: param_space."


@pytest.fixture
def refusal(spaces):
    def refused(*keys: str, base: str = "{}") -> str:
        spaces.base = base
        with pytest.raises(ConfigError) as caught:
            spaces.load("param_space:\n" + "\n".join(f"  {key}" for key in keys))
        return str(caught.value)

    return refused


def heads(when: str) -> str:
    return f"model.num_heads: {{choice: [4, 8], when: {when}}}"


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("5", "when: is 5, but must be a mapping of keys and their values, such as {model.target: bigru_ctc}"),
        ("[model.target]", "when: is ['model.target'], but must be a mapping of keys and their values"),
        ("{}", "when: is empty, but must be a mapping of keys and their values"),
        ("", "when: is null, but must be a mapping of keys"),
        ("{model.target: []}", "when.model.target: is an empty list, but must be a value or a list of values"),
        ("{model.target: {a: b}}", "when.model.target: is a mapping, but must be a value or a list of values"),
        ("{model.traget: conformer_ctc}", "when.model.traget: unknown key\n    Did you mean model.target?"),
        ("{zzz: 1}", "when.zzz: unknown key\n    Name a key of param_space."),
        ("{model: 1}", "when.model: is a section, but a condition names a key\n    Name one of its keys, such as mod"),
        ("{data.train: x}", "when.data.train: is neither searched nor set\n    Search data.train as well."),
        (
            "{model.target: conformer}",
            "when.model.target: is 'conformer', which model.target never is: it is "
            'choice ["conv_ctc", "bigru_ctc", "conformer_ctc"]\n    Did you mean conformer_ctc?',
        ),
        ("{model.target: true}", "when.model.target: is true, which model.target never is"),
        (
            "{model.target: [conformer_ctc, conv]}",
            "when.model.target: is 'conv', which model.target never is",
        ),
        (
            "{model.target: conformer_ctc, optimizer.lr: 1}",
            "when.optimizer.lr: optimizer.lr is 0.003 in every trial, so model.num_heads would never be drawn\n"
            "    Search optimizer.lr as well, or set it in over.",
        ),
        (
            "{model.target: conv_ctc, model.ffn_dim: 256}",
            "when.model.ffn_dim: contradicts the condition on model.target\n    Change one of the two.",
        ),
    ],
)
def test_condition_refused(refusal, when, message):
    assert f"{AT}model.num_heads.{message}" in refusal(THREE, heads(when))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            ["model.num_heads: {choice: [4, 8]}"],
            f"{AT}model.num_heads: conv_ctc has no num_heads\n    Add when: {{model.target: conformer_ctc}}.",
        ),
        (
            [heads("{model.target: [bigru_ctc, conformer_ctc]}")],
            f"{AT}model.num_heads: bigru_ctc has no num_heads\n    Add when: {{model.target: conformer_ctc}}.",
        ),
        (
            ["model.kernel_size: {choice: [7]}"],
            f"{AT}model.kernel_size: bigru_ctc has no kernel_size\n"
            "    Add when: {model.target: [conv_ctc, conformer_ctc]}.",
        ),
        (
            ["model.num_heads: {choice: [4, 0], when: {model.target: conformer_ctc}}"],
            f"{AT}model.num_heads: is 0, but must be 1 or more",
        ),
        (
            ["model.dim: {choice: [96, 90]}", HEADS],
            f"{AT}model.dim: dim is 90, but must be a multiple of num_heads, 4 (model.target: conformer_ctc)",
        ),
        (
            ["model.num_heads: {choice: [4, 7], when: {model.target: conformer_ctc}}"],
            f"{AT}model.num_heads: dim is 96, but must be a multiple of num_heads, 7",
        ),
        (["model.heads: {choice: [4]}"], f"{AT}model.heads: unknown key"),
        (
            ["scheduler.patience: {choice: [1], when: {model.target: conv_ctc}}"],
            f"{AT}scheduler.patience: cannot be searched: it has no effect under scheduler.name: cosine",
        ),
        (
            ["scheduler.patience: {choice: [1], when: {scheduler.name: noam}}", "scheduler.name: {choice: [noam]}"],
            f"{AT}scheduler.patience: cannot be searched: it has no effect under scheduler.name: noam\n"
            "    Change its condition on scheduler.name (plateau).",
        ),
        (["model.init_from: {choice: [a], when: {model.target: conv_ctc}}"], "cannot be searched: it is a path"),
        (["optimizer.lr: {when: {model.target: conv_ctc}}"], f"{AT}optimizer.lr: holds 0 keys, but must be one"),
        (
            ["optimizer.lr: {choice: [1], wen: {model.target: conv_ctc}}"],
            f"{AT}optimizer.lr: wen is unknown beside choice",
        ),
    ],
)
def test_key_refused_in_its_branch(refusal, keys, message):
    """Keys are checked under the encoders that they are searched for."""
    found = refusal(THREE, *keys)
    assert message in found and found.count("space.yaml") == 1


def test_base_refused_under_other_encoder(refusal):
    """The mistake is told at `model.target`, unless a searched key is at fault."""
    message = refusal(THREE, base="model: {dim: 90}")
    assert message == "space.yaml:3: param_space.model.target: dim is 90, but must be a multiple of num_heads, 4"


def test_initial_weights_fit_one_encoder(refusal, spaces):
    base = "model: {init_from: a.ckpt}"
    message = "cannot be searched: model.init_from holds the weights of one encoder\n    Remove model.init_from, or sea"
    assert message in refusal(THREE, base=base)
    assert spaces.load("param_space: {model.target: {choice: [conv_ctc]}}").distributions


def test_base_value_of_searched_key_is_free(spaces):
    """Trials have the drawn values, so the base may have one that does not suit another encoder."""
    spaces.base = "model: {dim: 90}"
    assert spaces.load(f"param_space:\n  {THREE}\n  model.dim: {{choice: [96, 144]}}").distributions


def test_condition_without_searched_target_refused(refusal):
    message = refusal(HEADS)
    assert "when.model.target: model.target is conv_ctc in every trial, so model.num_heads would never be" in message
    assert message.endswith("    Search model.target as well, or set it in over.")


def test_clash_of_conditions_refused(refusal):
    kernel = "model.kernel_size: {choice: [7, 9], when: {model.target: conv_ctc, model.num_heads: 4}}"
    dropout = "model.dropout: {choice: [0.1], when: {model.kernel_size: 7}}"
    message = refusal(THREE, HEADS, kernel, dropout)
    assert message == (
        "space.yaml:5: param_space.model.kernel_size.when: would never be drawn: model.kernel_size needs model.target "
        "conv_ctc, but model.num_heads needs model.target conformer_ctc\n    Change one of these conditions."
    )


def test_circles_refused_once_each(refusal):
    message = refusal(
        "model.dropout: {choice: [0.1, 0.2], when: {model.dim: 8}}",
        "model.dim: {choice: [8, 16], when: {model.num_layers: 2}}",
        "model.num_layers: {choice: [2, 3], when: {model.kernel_size: 3}}",
        "model.kernel_size: {choice: [3, 5], when: {model.dim: 8}}",
        "seed: {choice: [1], when: {seed: 1}}",
    )
    assert message.count("form a circle") == 2
    assert (
        f"{AT}model.dim.when.model.num_layers: conditions form a circle: model.dim needs model.num_layers, " in message
    )
    assert "model.num_layers needs model.kernel_size, model.kernel_size needs model.dim\n" in message
    assert "space.yaml:7: param_space.seed.when.seed: conditions form a circle: seed needs seed\n" in message


def test_continuous_key_is_no_condition(refusal):
    message = refusal(
        "optimizer.lr: {loguniform: [1e-3, 1e-2]}", "model.dropout: {choice: [0.1], when: {optimizer.lr: 3e-3}}"
    )
    assert message.endswith(
        "is 0.003, which optimizer.lr never is: it is loguniform [0.001, 0.01]\n"
        "    Name a key with a choice, a grid_search or whole numbers."
    )


def test_all_mistakes_of_conditions_reported(refusal):
    """One line each, beside other mistakes of the file."""
    message = refusal(
        THREE,
        heads("{model.target: conformer, optimizer.lrr: 1}"),
        "model.kernel_size: {choice: [8], when: {model.target: conv_ctc}}",
        "model.ffn_dim: {choice: [64], when: {model.num_heads: 5}}",
        "optimizer.lr: {loguniform: [1, 0], when: {model.target: bigru}}",
        "optimizer.weight_decay: {uniform: [-1, 0], when: {optimizer.lr: 1}}",
        base="model:\n  dim: 0\nfoo: 1",
    )
    places = sorted(line.split(": ")[0] for line in message.splitlines() if not line.startswith(" "))
    lines = (4, 4, 5, 6, 7, 7, 8)
    assert places == ["base.yaml:2", "base.yaml:3", *(f"space.yaml:{line}" for line in lines)]


def test_long_chains_are_read_at_once(spaces):
    """Sixty keys, each with a condition on all keys above it."""
    names = [f"model.k{i}" for i in range(60)]
    spaces.base = "model: {target: my.Model}"
    keys = [
        f"{name}: {{choice: [1, 2]{', when: {' + ', '.join(f'{n}: 1' for n in names[:i]) + '}' if i else ''}}}"
        for i, name in enumerate(names)
    ]
    plan = spaces.load("param_space:\n" + "\n".join(f"  {key}" for key in keys))
    assert len(plan.conditions.needs) == 59 and any(plan.settings(n).get(names[1]) for n in range(9))
