"""Configurations that rest on others by `base`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tune_asr.config.base_files import MOST_BASES
from tune_asr.config.load import load_config
from tune_asr.config.overrides import parse_assignments
from tune_asr.errors import ConfigError
from tune_asr.space.plan import load_plan


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**files: str) -> None:
        for name, text in files.items():
            path = Path(f"{name.replace('__', '/')}.yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    return write


def refusal(name: str = "own.yaml", *assignments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(Path(name), parse_assignments(assignments))
    return str(caught.value)


def test_upper_file_wins_key_by_key(write):
    write(
        own="base: mid.yaml\noptimizer: {lr: 1}\nmodel:\nseed: 3",
        mid="base: low.yaml\noptimizer: {lr: 2, weight_decay: 0.5}",
        low="optimizer: {lr: 3, betas: [0.5, 0.6], weight_decay: 0}\nmodel: {dim: 8}\nseed: 4",
    )
    config = load_config(Path("own.yaml"))
    assert (config.optimizer.lr, config.optimizer.weight_decay, config.optimizer.betas) == (1, 0.5, (0.5, 0.6))
    assert (config.model.dim, config.seed) == (8, 3)


def test_set_wins_over_every_file(write):
    write(own="base: low.yaml\noptimizer: {lr: 1}", low="optimizer: {lr: 3, weight_decay: 0}")
    config = load_config(Path("own.yaml"), parse_assignments(["optimizer.lr=7"]))
    assert (config.optimizer.lr, config.optimizer.weight_decay) == (7, 0)


def test_paths_relative_to_their_files(write, tmp_path):
    write(
        own="base: sub/mid.yaml\ndata: {val: own.jsonl}",
        sub__mid="base: ../other/low.yaml\ndata: {train: mid.jsonl}",
        other__low="data: {target: manifest, train: x, val: x, test: low.jsonl}\naugment: {noise_dir: noise}",
    )
    config = load_config(Path("own.yaml"), parse_assignments(["augment.gain_db=3"]))
    data = config.data
    found = [Path(path).relative_to(tmp_path).as_posix() for path in (data.train, data.val, data.test)]
    assert found == ["sub/mid.jsonl", "own.jsonl", "other/low.jsonl"]
    assert config.augment.noise_dir == str(tmp_path / "other/noise")


def test_mistakes_stand_in_their_files(write):
    write(
        own="base: sub/mid.yaml\nmodel: {dim: 0}\ndata: {target: manifest, train: t}",
        sub__mid="base: low.yaml\n\noptimizer: {lrr: 1}\nmodel: {dim: -4}",
        sub__low="optimizer:\n  betas: [0.9, 7]\nmodels: {}\nmodel: {dimm: 4}",
    )
    places = [line.split(": ")[0:2] for line in refusal().removeprefix("error: ").splitlines() if line[0] != " "]
    assert sorted(map(": ".join, places)) == [
        "own.yaml:2: model.dim",
        "own.yaml:3: data.val",
        "sub/low.yaml:2: optimizer.betas.1",
        "sub/low.yaml:3: models",
        "sub/low.yaml:4: model.dimm",
        "sub/mid.yaml:3: optimizer.lrr",
    ]


def test_replaced_list_hides_mistakes(write):
    write(own="base: low.yaml\noptimizer: {betas: [0.9, 8]}", low="optimizer: {betas: [3, 4, 5]}\nmodel: 5")
    assert "own.yaml:2: optimizer.betas.1: is 8" in refusal()
    assert "low.yaml:1" not in refusal()
    assert "low.yaml:2: model: is 5" in refusal()


def test_other_target_drops_unknown_keys(write):
    write(
        own="base: low.yaml\nmodel: {target: bigru_ctc, dropout: 0.3}",
        low="model: {kernel_size: 7, dim: 24, dropout: 0.1}",
    )
    model = load_config(Path("own.yaml")).model
    assert (model.target, model.dim, model.dropout) == ("bigru_ctc", 24, 0.3)
    write(own="base: low.yaml\ndata: {target: manifest, train: t, val: v}", low="data: {num_val: 5, batch_size: 3}")
    assert load_config(Path("own.yaml")).data.batch_size == 3


def test_other_target_keeps_mistakes_of_base(write):
    write(own="base: low.yaml\nmodel: {target: bigru_ctc}", low="model: {kernel_sise: 7}")
    assert "low.yaml:1: model.kernel_sise: unknown key" in refusal()


@pytest.mark.parametrize(
    ("upper", "lower", "kept"),
    [
        ("a.B", "conv_ctc", set()),
        ("a.B", "c.D", {"depth", "dim"}),
        ("conv_ctc", "c.D", {"dim"}),
    ],
)
def test_custom_targets(write, upper, lower, kept):
    """A custom class keeps the keys of another alone."""
    write(own=f"base: low.yaml\nmodel: {{target: {upper}}}", low=f"model: {{target: {lower}, dim: 12, depth: 3}}")
    if lower == "conv_ctc":
        write(low="model: {dim: 12}")
    model = load_config(Path("own.yaml")).model
    assert model.model_dump(exclude_unset=True, exclude={"target"}).keys() == kept


def test_circle_is_refused(write):
    write(own="base: a.yaml", a="seed: 3\nbase: ./sub/b.yaml", sub__b="base: ../a.yaml")
    circle = "sub/b.yaml:1: base: closes a circle: a.yaml -> sub/b.yaml -> a.yaml"
    assert refusal().splitlines()[0] == circle
    write(own="base: own.yaml")
    assert "own.yaml:1: base: closes a circle: own.yaml -> own.yaml" in refusal()


def test_bases_have_a_limit(write):
    for number in range(MOST_BASES + 2):
        write(**{f"c{number}": f"base: c{number - 1}.yaml\n" if number else "seed: 5"})
    assert load_config(Path(f"c{MOST_BASES}.yaml")).seed == 5
    assert "c1.yaml:1: base: is base number 9, but a configuration may rest on 8" in refusal("c9.yaml")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("5", "is 5, but must be the path"),
        ("https://x.y/a.yaml", "is 'https://x.y/a.yaml', but must be a path: nothing is fetched"),
        ("''", "is '', but"),
        ("[a]", "is ['a'], but"),
        ("x.yaml", "no such file"),
        ("a" * 300, "no such file"),
    ],
)
def test_wrong_base(write, value, what):
    write(own=f"seed: 3\nbase: {value}")
    assert refusal().startswith(f"own.yaml:2: base: {'is ' if 'no such' in what else ''}")
    assert what in refusal()


def test_base_has_no_flag(write):
    write(own="seed: 1")
    assert "--set base=x.yaml: unknown section\n    Write it in the file of a configuration." in refusal(
        "own.yaml", "base=x.yaml"
    )
    write(space="base: own.yaml\nconfig: own.yaml")
    with pytest.raises(ConfigError, match=r"space.yaml:1: base: unknown section"):
        load_plan(Path("space.yaml"))


def test_space_rests_on_bases(write, tmp_path):
    write(
        space="config: sub/own.yaml\nparam_space: {optimizer.lr: {uniform: [1e-3, 1e-2]}}\nover: {model.dim: 12}",
        sub__own="base: ../low.yaml\nmodel: {dim: 8, num_layers: 3}",
        low="data: {target: manifest, train: t.jsonl, val: v.jsonl}\nmodel: {kernel_size: 3}",
    )
    plan = load_plan(Path("space.yaml"), None, parse_assignments(["model.num_layers=5"]))
    model = plan.config.model
    assert (model.dim, model.num_layers, model.kernel_size) == (12, 5, 3)
    assert plan.config.data.train == str(tmp_path / "t.jsonl")
    assert plan.chain == "configuration: sub/own.yaml -> low.yaml"
    assert "base" not in plan.base_values()


@pytest.mark.parametrize(
    ("val", "kind"), [("{recordings: r, supervisions: s}", "PairSection"), ("{hold_out: 0.5}", "HoldOutSection")]
)
@pytest.mark.parametrize("below", ["{recordings: a, supervisions: b}", "{hold_out: 0.1, by: speaker}", "c.jsonl"])
def test_validation_of_another_form_is_replaced(write, val, kind, below):
    write(own=f"base: low.yaml\ndata: {{val: {val}}}", low=f"data: {{target: manifest, train: t, val: {below}}}")
    assert type(load_config(Path("own.yaml")).data.val).__name__ == kind
    write(
        own="base: low.yaml\ndata: {val: {by: random}}", low="data: {target: manifest, train: t, val: {hold_out: 1e-1}}"
    )
    held_out = load_config(Path("own.yaml")).data.val
    assert (held_out.hold_out, held_out.by) == (0.1, "random")


@pytest.mark.parametrize("given", ["", "."])
def test_base_must_name_a_file(write, given):
    write(own=f"seed: 1\nbase: {given}")
    assert refusal().startswith("own.yaml:2: base: is ")


def test_misspelt_base_is_recognised(write):
    write(own="Base: low.yaml")
    assert "Did you mean base?" in refusal()


@pytest.mark.parametrize("text", ["root:x:0:0:secret:/root", "root:secret::\ndaemon:secret::", "- secret", "secret: 1"])
def test_other_file_is_not_shown(write, text):
    write(own="seed: 1\nbase: low.yaml", low=text)
    message = refusal()
    assert "secret" not in message
    assert "low.yaml" in message
