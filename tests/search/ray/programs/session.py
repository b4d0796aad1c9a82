"""Start a local Ray without a search; print findings as JSON.

    session.py SECONDS_FOR_DASHBOARD END FOLDER

Ray is imported once it runs: it reads its environment at import.
"""

import gc
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.processes import listening
from tune_asr.errors import TuneAsrError
from tune_asr.search.interrupts import Interrupts
from tune_asr.search.ray.cluster import leave_nothing, ray_session
from tune_asr.search.ray.descendants import descendants
from tune_asr.search.ray.nodes import check_nodes
from tune_asr.search.ray.token import token_path
from tune_asr.search.ray.watchdogs import own_processes


def wait_for_dashboard(dashboard, seconds):
    end = time.monotonic() + seconds
    while not dashboard() and time.monotonic() < end:
        time.sleep(0.1)
    return dashboard()


def jobs(url):
    headers = {"Authorization": f"Bearer {token_path().read_text()}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/jobs/", headers=headers)) as response:
        return [job["metadata"]["job_name"] for job in json.load(response)]


def modes():
    """Modes of logs, of the session folder and of the one that nobody else can enter.

    Another local Ray opens the folder between them for a moment when it starts.
    """
    import ray

    logs = Path(ray._private.worker._global_node.get_logs_dir_path())
    files = {path.stat().st_mode & 0o777 for path in logs.glob("dashboard*") if path.is_file()}
    return [*sorted(files), *(path.stat().st_mode & 0o777 for path in (logs.parent, logs.parents[2]))]


PRELOADED = {"torch", "lightning.pytorch", "ray.tune", "tune_asr.training.fit"}


def look_at_worker():
    is_collected = gc.isenabled() and gc.get_freeze_count() > 100_000
    return [
        is_collected and PRELOADED.issubset(sys.modules),
        os.environ.get("AWS_SECRET_ACCESS_KEY"),
        os.environ.get("PL_DISABLE_FORK"),
    ]


def worker():
    import ray

    return ray.get(ray.remote(num_cpus=1)(look_at_worker).remote())


def tune_runtime_env():
    from ray.tune.execution import class_cache

    return [class_cache.DEFAULT_ENV_VARS, sorted(class_cache.ENV_VARS_TO_PROPAGATE & os.environ.keys())]


def node_error(folder, *, wrong_size=0, **limit):
    recording = folder / "a.wav"
    try:
        check_nodes(folder / "trials.jsonl", [(str(recording), recording.stat().st_size + wrong_size)], **limit)
    except TuneAsrError as error:
        return error.exit_code, str(error)
    return 0, ""


def main(seconds, end, folder):
    child = subprocess.Popen(["sleep", "100"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    leave_nothing()  # there is no Ray of ours yet
    found = {"child_before": child.poll()}
    with Interrupts(leave_nothing) as signals, ray_session("ours", None, lambda: None, signals) as dashboard:
        found["at_first"] = dashboard()
        found["own"] = sorted(own_processes())
        found["url"] = url = wait_for_dashboard(dashboard, float(seconds))
        if url:
            found |= {"jobs": jobs(url), "modes": modes(), "worker": worker()}
            found["tune"] = tune_runtime_env()
            found["nodes"] = [node_error(Path(folder), **given) for given in ({}, {"wrong_size": 1}, {"seconds": 0})]
        found["processes"] = descendants([child.pid])
        found["listens"] = listening(found["processes"])
        if end == "stay":
            print(json.dumps(found), flush=True)
            time.sleep(100)
        if end == "leave":
            leave_nothing()
            print(json.dumps({**found, "child_after": child.poll()}), flush=True)
            child.kill()
            os._exit(0)
    child.kill()
    print(json.dumps(found), flush=True)
    time.sleep(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
