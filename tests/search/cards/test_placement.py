"""Slots of a search, and its lines about devices."""

import pytest

from tests.search.cards.library import DIVIDED, TWO
from tune_asr.errors import ConfigError
from tune_asr.search.cards.card import Machine
from tune_asr.search.cards.nvml import Nvml
from tune_asr.search.cards.packing import Packing
from tune_asr.search.cards.placement import foreseen
from tune_asr.search.packed import bounds
from tune_asr.search.placing import placed
from tune_asr.space.plan import load_plan

NODE = [(16.0, 2.0)]
MACHINE = Nvml(TWO).machine(None)
FIRST = "2 GPUs, the first H100, 80 GB, 20 GB of it in use"
KEY = "resources.gpus_per_trial"


@pytest.fixture
def plan(tmp_path):
    def made(gpus, concurrent="auto", cpus=1):
        space = tmp_path / "space.yaml"
        (tmp_path / "train.yaml").write_text("{}")
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
        (0.0, Machine(), []),
        ("auto", MACHINE, [f"device: {FIRST}; one trial a GPU ({KEY} is auto)"]),
        (
            "pack",
            MACHINE,
            [f"device: {FIRST}; as many trials share a GPU as pay, measured when the search begins ({KEY} is pack)"],
        ),
        ("pack", Machine(), [f"{KEY} is pack, but this machine has no GPU: a local search would be refused"]),
        (
            0.5,
            Nvml(TWO).machine(""),
            [f"{KEY} is 0.5, but CUDA_VISIBLE_DEVICES hides every GPU: a local search would be refused"],
        ),
    ],
)
def test_dry_run_names_devices(gpus, machine, lines):
    assert list(foreseen(gpus, machine)) == lines
