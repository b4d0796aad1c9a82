"""Ray's dashboard comes up behind the workers, works, and never outlives the search or keeps it waiting."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tune_asr.search.ray.cluster import local_environment

SESSION = """
import json
import os
import sys
import time
import urllib.request
from pathlib import Path

from tune_asr.search.ray.cluster import ray_session
from tune_asr.search.ray.token import token_path


def children():
    found, seen = [os.getpid()], []
    while found:
        pid = found.pop()
        seen.append(pid)
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, path.read_text().split())
    return seen[1:]


with ray_session("ours", None, lambda: None) as dashboard:
    at_first = dashboard()
    end = time.monotonic() + float(sys.argv[1])
    while not dashboard() and time.monotonic() < end:
        time.sleep(0.1)
    answer = None
    if url := dashboard():
        headers = {"Authorization": f"Bearer {token_path().read_text()}"}
        with urllib.request.urlopen(urllib.request.Request(f"{url}/api/jobs/", headers=headers)) as response:
            answer = json.load(response)
    import ray

    logs = list(Path(ray._private.worker._global_node.get_logs_dir_path()).glob("dashboard*"))
    modes = sorted({path.stat().st_mode & 0o777 for path in logs if path.is_file()})
    print(json.dumps({"at_first": at_first, "url": url, "jobs": answer, "modes": modes, "processes": children()}))
    sys.stdout.flush()
    if len(sys.argv) > 2:
        time.sleep(100)
time.sleep(3)
"""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", SESSION, *map(str, arguments)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_gone(processes: list[int]) -> None:
    end = time.monotonic() + 120
    while (left := [pid for pid in processes if is_alive(pid)]) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left


def test_the_dashboard_comes_up_later_and_lists_the_search_by_its_name():
    told = subprocess.run(command(120), capture_output=True, text=True, timeout=170)
    said = json.loads(told.stdout or told.stderr)
    assert said["at_first"] is None
    assert said["url"].startswith("http://127.0.0.1:")
    assert said["modes"] == [0o600]
    assert [job["metadata"]["job_name"] for job in said["jobs"]] == ["tune_asr search ours"]
    assert_gone(said["processes"])


def test_a_session_that_ends_before_its_dashboard_is_up_is_silent_and_leaves_no_process():
    told = subprocess.run(command(0), capture_output=True, text=True, timeout=170)
    said = json.loads(told.stdout or told.stderr)
    assert said["url"] is None
    assert told.stderr == ""
    assert_gone(said["processes"])


LEFT = """
import os
import subprocess

from tune_asr.search.ray.cluster import leave_nothing, ray_session
from tune_asr.search.ray.descendants import descendants

child = subprocess.Popen(["sleep", "100"])
leave_nothing()
before = child.poll()
with ray_session("ours", None, lambda: None):
    services = descendants([child.pid])
    leave_nothing()
    print(before, child.poll(), *services, flush=True)
    child.kill()
    os._exit(0)
"""


def test_an_end_that_waits_for_nothing_kills_the_ray_of_ours_and_no_process_that_was_there_before():
    told = subprocess.run([sys.executable, "-c", LEFT], capture_output=True, text=True, timeout=120)
    before, after, *services = told.stdout.split()
    assert (before, after) == ("None", "None"), told.stderr
    assert len(services) >= 2  # Ray's head and its node
    assert_gone([int(pid) for pid in services])


@pytest.mark.slow
def test_a_process_that_is_killed_takes_its_dashboard_with_it():
    process = subprocess.Popen(command(0, "stay"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    processes = json.loads(process.stdout.readline())["processes"]
    assert processes
    process.kill()
    process.wait(timeout=60)
    assert_gone(processes)


PRELOADED = """
import gc
import sys

import tune_asr.search.ray.fast_start.preload

assert {"torch", "lightning.pytorch", "ray.tune", "tune_asr.training.fit"} <= set(sys.modules)
print(gc.isenabled(), gc.get_freeze_count() > 100_000)
"""


def test_a_worker_that_has_its_imports_collects_garbage_again():
    told = subprocess.run([sys.executable, "-c", PRELOADED], capture_output=True, text=True, timeout=120)
    assert told.stdout.split() == ["True", "True"], told.stderr


WITHOUT_IMPORTS = """
import os
import sys

sys.modules |= dict.fromkeys(("torch", "lightning", "ray"))  # each is an ImportError
import tune_asr.search.ray.fast_start.preload

print(os.nice(0))
"""


@pytest.mark.parametrize(("users", "niceness"), [({}, 15), ({"RAY_worker_niceness": "3"}, 0)])
def test_a_worker_steps_back_unless_the_user_has_given_it_a_niceness(users, niceness):
    environment = {**os.environ, **users, **local_environment(users)}
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_IMPORTS], env=environment, capture_output=True, text=True, timeout=60
    )
    assert told.stdout.split() == [str(max(niceness, os.nice(0)))], told.stderr


def test_the_niceness_that_a_user_gives_workers_is_kept():
    assert local_environment({})["RAY_worker_niceness"] == "0"
    assert "RAY_worker_niceness" not in local_environment({"RAY_worker_niceness": "3"})
