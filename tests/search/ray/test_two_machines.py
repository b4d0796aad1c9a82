"""README's lines for a cluster, on two machines of its own network."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.search.ray.machines import Machine, NoNamespaces, two_machines

pytestmark = pytest.mark.slow

SMALL = "--num-samples 4 --max-epochs 6 --set data.num_train=64 --set data.num_val=16 --set model.dim=32"
ANOTHER = (
    "import sys, ray; ray.__version__ = '2.59.0'; from ray.scripts.scripts import main; sys.argv[0] = 'ray'; main()"
)


@pytest.fixture
def machines(tmp_path):
    shutil.copytree(REPOSITORY / "tune_asr", tmp_path / "checkout" / "tune_asr")
    for name in ("configs", "search_spaces"):
        shutil.copytree(REPOSITORY / name, tmp_path / "checkout" / name)
    (tmp_path / "shared").mkdir()
    try:
        with two_machines(tmp_path) as both:
            yield both
    except NoNamespaces as refusal:
        pytest.skip(f"no namespaces here: {refusal}")


def readme_lines(shared: Path, head: str) -> list[str]:
    """Return the commands of README's section, for this folder and head."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Cluster\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    return [line.replace("/shared", str(shared)).replace("HEAD", head) for line in lines]


def hosts(results: Path, *kinds: str) -> set[str]:
    ledger = (results / "trials.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in ledger]
    return {event["process"].partition(":")[0] for event in events if event["event"] in (kinds or ("started",))}


def kinds(results: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (results / "trials.jsonl").read_text().splitlines()]


def cluster_without_token(first: Machine, second: Machine) -> None:
    first.run("ray start --head --num-cpus 1")
    second.run(f"ray start --address={first.address}:6379 --num-cpus 1")


def search(tmp_path: Path, more: str = SMALL) -> str:
    results = shlex.quote(str(tmp_path / "shared" / "results"))
    return (
        f"cd {tmp_path / 'checkout'} && python -m tune_asr.search --space search_spaces/lr.yaml --address auto "
        f"--results {results} {more}"
    )


def test_readme_lines_as_they_stand(machines, tmp_path):
    first, second = machines
    export, token, head, other, command = readme_lines(tmp_path / "shared", first.address)
    first.run(token)
    first.run(f"{export}\n{head}")
    second.run(f"{export}\n{other}")
    said = first.run(f"{export}\ncd {tmp_path / 'checkout'}\n{command} {SMALL}")
    results = tmp_path / "shared" / "results" / "lr"
    assert hosts(results) == {"machine-1", "machine-2"}
    assert "started   on machine-2 (pid " in said
    assert f"(its token is in {tmp_path / 'shared' / 'ray-token'})" in said
    refused = second.run(search(tmp_path, "--name other").replace("auto", f"{first.address}:6379"), expect=6)
    assert (
        f"the cluster at {first.address}:6379 requires a token, but {second.home}/.ray/auth_token has none" in refused
    )


def test_lost_machine_fails_no_trial(machines, tmp_path):
    """Trials of the lost one continue on the other. A token file of another program is in the home."""
    first, second = machines
    cluster_without_token(first, second)
    (first.home / ".ray").mkdir()
    (first.home / ".ray" / "auth_token").write_text("0123456789abcdef" * 4)
    process = first.popen(search(tmp_path, SMALL.replace("--max-epochs 6", "--max-epochs 40")))
    results = tmp_path / "shared" / "results" / "lr"
    end = time.monotonic() + 180
    while not (results / "trials.jsonl").exists() or hosts(results) != {"machine-1", "machine-2"}:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "one machine runs nothing"
        time.sleep(0.2)
    second.fail()
    said, _ = process.communicate(timeout=280)
    assert process.returncode == 0, said
    assert "failed" not in kinds(results)
    assert hosts(results, "resumed", "started") == {"machine-1", "machine-2"}
    assert re.search(r"paused .*(cannot be reached|was lost)", said), said


def test_other_version_of_ray_is_refused(machines, tmp_path):
    first, _ = machines
    first.run(f"python -c {shlex.quote(ANOTHER)} start --head --num-cpus 1")
    said = first.run(search(tmp_path), expect=6)
    assert "the head of the cluster has Ray 2.59.0 and Python 3" in said
    assert "runs with Ray 2.60" in said
    assert not (tmp_path / "shared" / "results" / "lr").exists()
