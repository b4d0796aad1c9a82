"""Slots of a search, and its lines about devices."""

import re

import pytest

from tests.search.cards.library import DIVIDED, TWO
from tune_asr.errors import ConfigError
from tune_asr.search.cards.card import VISIBLE, Machine
from tune_asr.search.cards.mistakes import lines_before, mistake
from tune_asr.search.cards.nvml import Nvml
from tune_asr.search.cards.packing import Packing
from tune_asr.search.packed import bounds
from tune_asr.search.placing import placed
from tune_asr.space.plan import load_plan

NODE = [(16.0, 2.0)]
MACHINE = Nvml(TWO).machine(None)
FIRST = "2 GPUs, the first H100, 80 GB, 20 GB of it in use"
KEY = "resources.gpus_per_trial"


@pytest.fixture
def plan(tmp_path):
    def made(gpus, concurrent="auto", cpus=1, config="{}"):
        space = tmp_path / "space.yaml"
        (tmp_path / "train.yaml").write_text(config)
        space.write_text(
            f"{{config: train.yaml, param_space: {{}}, search: {{max_concurrent: {concurrent}, num_samples: 2}}, "
            f"resources: {{gpus_per_trial: {gpus}, cpus_per_trial: {cpus}}}}}"
        )
        return load_plan(space, None, [])

    return made


@pytest.mark.parametrize(
    ("gpus", "slots", "share", "trials", "lines"),
    [
        ("auto", 2, 1.0, 1, [f"device: {FIRST}; one trial a GPU ({KEY} is auto)"]),
        (0, 16, 0.0, None, [f"device: CPU ({KEY} is 0)"]),
        (2, 1, 2.0, 1, [f"device: {FIRST}; 2 GPUs for each trial ({KEY} is 2)"]),
        (0.25, 8, 0.25, 4, [f"device: {FIRST}; 4 trials share a GPU ({KEY} is 0.25)"]),
        (
            0.3,
            6,
            0.3,
            3,
            [
                f"device: {FIRST}; 3 trials share a GPU ({KEY} is 0.3)",
                f"{KEY} is 0.3: 3 trials share a GPU, and 10.0 % of it stays unused",
            ],
        ),
        (
            0.6,
            2,
            0.6,
            1,
            [
                f"device: {FIRST}; one trial a GPU ({KEY} is 0.6)",
                f"{KEY} is 0.6: one trial has a GPU, and 40.0 % of it stays unused",
            ],
        ),
    ],
)
def test_slots_and_lines(plan, gpus, slots, share, trials, lines):
    found = placed(plan(gpus), NODE, MACHINE)
    assert (found.slots, found.gpus, found.trials_a_card) == (slots, share, trials)
    assert list(found.lines()) == lines


def test_packing_gives_slots_of_all_gpus(plan):
    found = placed(plan("pack"), NODE, MACHINE, Packing(5, "they pay", 7))
    assert (found.slots, found.gpus, found.trials_a_card, found.reason) == (10, 0.2, 5, "they pay")
    assert next(found.lines()) == f"device: {FIRST}; 5 trials share a GPU (they pay)"


def test_packed_trials_are_timed_alone(plan):
    """Their epochs take longer together, as the packing has measured."""
    found = placed(plan("pack"), NODE, MACHINE, Packing(4, "they pay", 7, faster=2.5))
    assert (found.resources_alone["gpu"], found.slower) == (1.0, 1.6)
    single = placed(plan(0.25), NODE, MACHINE)
    assert (single.resources_alone, single.slower) == ({"cpu": 1, "gpu": 0.25}, 1.0)


@pytest.mark.parametrize(
    ("gpus", "concurrent", "cpus", "expected"),
    [("pack", "auto", 1, (8, None)), ("pack", 6, 1, (8, 3)), ("pack", 7, 3, (2, 4)), ("pack", 1, 0.5, (16, 1))],
)
def test_bounds_of_packing(plan, gpus, concurrent, cpus, expected):
    assert bounds(placed(plan(gpus, concurrent, cpus), NODE, MACHINE), NODE) == expected


def test_more_trials_than_fit_are_named(plan):
    *_, line = placed(plan("auto", concurrent=8), NODE, MACHINE).lines()
    assert line == "search.max_concurrent is 8, but 2 trials fit at once"


def test_machine_without_gpus_says_nothing(plan):
    found = placed(plan("auto"), [(2.0, 0.0)], Machine())
    assert (found.slots, found.gpus, found.device, found.reason, list(found.lines())) == (2, 0.0, None, None, [])


def test_hidden_gpus_are_named(plan):
    found = placed(plan("auto"), [(2.0, 0.0)], Nvml(TWO).machine(""))
    assert list(found.lines()) == ["device: CPU (CUDA_VISIBLE_DEVICES hides every GPU)"]


def test_unknown_gpu_is_named(plan):
    found = placed(plan("auto"), [(16.0, 1.0)], Nvml(TWO).machine("0,7"))
    assert list(found.lines())[1] == "CUDA_VISIBLE_DEVICES is 0,7, but no GPU is named 7: only those before it are used"


def test_divided_gpu_is_named(plan):
    found = placed(plan("auto"), [(16.0, 1.0)], Nvml(DIVIDED).machine(None))
    assert list(found.lines())[1] == (
        "GPU 0 is divided into 2 parts (MIG), and a trial sees only the first: name the parts in CUDA_VISIBLE_DEVICES "
        "as `nvidia-smi -L` lists them"
    )


@pytest.mark.parametrize(
    ("gpus", "node", "machine", "message"),
    [
        (3, (16.0, 2.0), MACHINE, "a trial needs 1 CPU and 3 GPUs, but Ray's nodes have 16 CPUs and 2 GPUs\n    Lower"),
        (1, (2.0, 0.0), Machine(), "a trial needs 1 CPU and 1 GPU, but Ray's nodes have 2 CPUs and 0 GPUs\n    Set"),
        (
            "pack",
            (2.0, 0.0),
            Machine(),
            "a trial needs 1 CPU and 1 GPU, but .*\n    Set resources.gpus_per_trial to auto",
        ),
        (
            "pack",
            (2.0, 0.0),
            Nvml(TWO).machine(""),
            "is pack, but CUDA_VISIBLE_DEVICES is '', which hides every GPU\n    Unset CUDA_VISIBLE_DEVICES",
        ),
    ],
)
def test_impossible_request_is_refused(plan, gpus, node, machine, message):
    with pytest.raises(ConfigError, match=message) as raised:
        placed(plan(gpus), [node], machine)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("gpus", "machine", "lines"),
    [
        ("auto", Machine(), []),
        (0, Machine(visible="MIG-abc"), []),
        ("auto", Machine(visible=""), []),
        (
            "auto",
            Machine(visible="MIG-abc"),
            [f"{VISIBLE} is MIG-abc, but no GPU is named MIG-abc: trials use the CPU"],
        ),
        (
            "auto",
            Nvml(TWO).machine("MIG-abc"),
            [
                f"device: CPU ({VISIBLE} hides every GPU)",
                f"{VISIBLE} is MIG-abc, but no GPU is named MIG-abc: trials use the CPU",
            ],
        ),
        ("auto", MACHINE, [f"device: {FIRST}; one trial a GPU ({KEY} is auto)"]),
        (
            "pack",
            MACHINE,
            [f"device: {FIRST}; as many trials share a GPU as pay, measured when the search begins ({KEY} is pack)"],
        ),
        ("pack", Machine(), [f"{KEY} is pack, but this machine has no GPU: a local search would be refused"]),
        (0.5, Machine(has_others=True), []),
    ],
)
def test_dry_run_names_devices(plan, gpus, machine, lines):
    assert list(lines_before(plan(gpus), machine)) == lines


ACCELERATOR, FEATURES = "{trainer: {accelerator: gpu}}", "{features: {device: gpu}}"


@pytest.mark.parametrize(
    ("gpus", "config", "machine", "message"),
    [
        (0.3, "{}", Machine(), f"{KEY} is 0.3, but this machine has no GPU\n    Set {KEY} to auto, which needs"),
        (
            1,
            "{}",
            Nvml(TWO).machine(""),
            f"{KEY} is 1, but {VISIBLE} is '', which hides every GPU\n    Unset {VISIBLE}",
        ),
        (3, "{}", MACHINE, f"{KEY} is 3, but this machine has 2 GPUs\n    Lower {KEY}.$"),
        (2, "{}", Nvml(TWO).machine("1"), f"{KEY} is 2, but {VISIBLE} leaves 1 GPU\n    Lower {KEY}.$"),
        (
            "auto",
            ACCELERATOR,
            Machine(),
            "trainer.accelerator is gpu, but this machine has no GPU\n    Set .* to auto, ",
        ),
        ("auto", FEATURES, Machine(), "features.device is gpu, but this machine has no GPU\n    Set .* to cpu, "),
        (0, FEATURES, MACHINE, f"features.device is gpu, but {KEY} is 0\n    Set features.device to cpu"),
    ],
)
def test_missing_gpu_shows_before_ray(plan, gpus, config, machine, message):
    """A dry run and a search have the same sentence."""
    wrong = plan(gpus, config=config)
    error = mistake(wrong, machine)
    assert re.match(message, str(error))
    assert list(lines_before(wrong, machine)) == [f"{error.cause}: a local search would be refused"]


@pytest.mark.parametrize("config", ["{}", ACCELERATOR, FEATURES])
def test_gpus_that_suffice_are_no_mistake(plan, config):
    for gpus in ("auto", "pack", 0.5, 2):
        assert mistake(plan(gpus, config=config), MACHINE) is None
        assert mistake(plan(gpus, config=config), Machine(has_others=True)) is None
