"""Searches on a GPU: `pytest -m gpu`, on a machine that has one."""

import pytest
import torch

from tune_asr.search.cards.nvml import this_machine
from tune_asr.training.card import Shortage
from tune_asr.training.device import is_supported
from tune_asr.training.memory import limit_memory, memory_beside

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]


@pytest.fixture
def limited():
    """Function that limits this process's memory on its GPU; it has all of it again afterwards."""
    yield limit_memory
    limit_memory(None)
    torch.cuda.empty_cache()


def searched(workspace, share, **search):
    """Ledger of a search of four short trials."""
    space = {
        "config": "config.yaml",
        "param_space": {"optimizer.lr": {"loguniform": [3.0e-4, 3.0e-2]}},
        "search": {"num_samples": 4, **search},
        "asha": {"grace_period": 2, "max_t": 2},
        "resources": {"gpus_per_trial": share, "cpus_per_trial": 0.5},
    }
    workspace.write("space.yaml", space)
    workspace.search = workspace.run("search", "--space", "space.yaml", "--set", "trainer.max_epochs=2")
    return workspace.ledger()


def test_library_and_torch_agree():
    card = this_machine().cards[0]
    assert card.name == torch.cuda.get_device_name(0)
    total = torch.cuda.mem_get_info(0)[1]
    assert card.total_bytes == pytest.approx(total, rel=0.05)
    assert is_supported(torch.cuda.get_device_capability(), torch.cuda.get_arch_list())


def test_limit_holds_and_its_message_is_read(limited):
    """A neighbour's memory stays free, and the numbers in torch's message are those asked for."""
    torch.zeros(1, device="cuda")
    limited(memory_beside().reserved_bytes + 2**28)
    free = memory_beside().free_bytes
    with pytest.raises(torch.OutOfMemoryError) as raised:
        torch.empty(2**30, dtype=torch.uint8, device="cuda")
    found = Shortage.of(str(raised.value))
    assert found is None or found.asked == 2**30
    assert memory_beside().free_bytes >= free - 2**29


def test_huge_request_is_the_settings():
    """The message of a GPU that is too small for one process."""
    total = torch.cuda.mem_get_info()[1]
    with pytest.raises(torch.OutOfMemoryError) as raised:
        torch.empty(2 * total, dtype=torch.uint8, device="cuda")
    found = Shortage.of(str(raised.value))
    assert found.need > 1
    assert not found.is_of_others


@pytest.mark.parametrize(("share", "trials"), [("auto", 1), (0.5, 2), ("pack", None)])
def test_search_names_its_gpu(workspace, share, trials):
    events = searched(workspace, share)
    [started] = [event for event in events if event["event"] == "search_started"]
    assert started["device"] == torch.cuda.get_device_name(0)
    assert started["device_bytes"] == this_machine().cards[0].total_bytes
    assert started["trials_per_device"] == trials or trials is None
    assert f"device: {started['device']}" in workspace.search.stdout
    assert not [event for event in events if event["event"] == "failed"]


def test_search_without_gpus_trains_on_cpu(workspace):
    events = searched(workspace, 0)
    [started] = [event for event in events if event["event"] == "search_started"]
    assert (started["device"], started["device_reason"]) == ("cpu", "resources.gpus_per_trial is 0")
    assert "device: CPU (resources.gpus_per_trial is 0)" in workspace.search.stdout


def test_full_card_ends_the_search(workspace):
    """Too little is left for a context, which the first call of CUDA makes; no trial is called failed for it."""
    workspace.write("space.yaml", {"config": "config.yaml", "param_space": {}, "search": {"num_samples": 2}})
    held = torch.empty(torch.cuda.mem_get_info()[0] - 2**26, dtype=torch.uint8, device="cuda")
    run = workspace.run("search", "--space", "space.yaml", expect=6)
    del held
    torch.cuda.empty_cache()
    assert "whatever the setting: the GPU is full" in run.stderr
    assert not [event for event in workspace.ledger() if event["event"] == "failed"]
