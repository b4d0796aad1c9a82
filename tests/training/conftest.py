import multiprocessing

import pytest
import torch

from tests.quick import QUICK
from tune_asr.config.load import from_values


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """As in a training; and threads of tests that run side by side do not wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def in_processes():
    """Calls a function in as many processes as there are lists of arguments, all at once; returns their exit codes.

    They have their imports already. Not by a plain fork: torch's threads do not survive one, and earlier tests have
    started them.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tune_asr.training.fit"])

    def run(function, *argument_lists):
        processes = [context.Process(target=function, args=arguments) for arguments in argument_lists]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
            process.kill()
        return [process.exitcode for process in processes]

    return run


@pytest.fixture(scope="session")
def quick():
    """Makes a configuration that begins to speak in its second epoch, with keys laid over it."""

    def make(**keys):
        values = {section: dict(content) for section, content in QUICK.items()}
        for key, value in keys.items():
            section, _, name = key.partition("__")
            if name:
                values.setdefault(section, {})[name] = value
            else:
                values[section] = value
        return from_values(values, "quick")

    return make


@pytest.fixture(scope="session")
def same():
    """Whether two nests of mappings, lists, tensors and values are equal to the last bit."""

    def equal(a, b):
        if isinstance(a, torch.Tensor):
            return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
        if isinstance(a, dict):
            return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
        if isinstance(a, list | tuple):
            return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
        return type(a) is type(b) and a == b

    return equal
