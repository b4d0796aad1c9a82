import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """As in a training; and threads of tests that run side by side do not wait for each other."""
    torch.set_num_threads(1)
