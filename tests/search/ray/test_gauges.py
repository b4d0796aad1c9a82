"""Gauges: their values, a failing Ray, and a running search seen through Ray's port and a Prometheus."""

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import REPOSITORY, Workspace
from tests.ledgers import event
from tune_asr.record.state import SearchState
from tune_asr.record.trial import STATUSES
from tune_asr.search.ray import gauges as module
from tune_asr.search.ray.gauges import DESCRIPTIONS, Gauges, label, readings

CLUSTER = REPOSITORY / "configs" / "cluster"
DASHBOARD = json.loads((CLUSTER / "grafana.json").read_text(encoding="utf-8"))
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
SECONDS = 120
"""Limit of each wait; on a busy machine Ray's agent takes half a minute to start."""


def state_of(*events) -> SearchState:
    state = SearchState()
    for one in events:
        state.apply(one)
    return state


def test_readings_of_a_search():
    scores = {"val_wer": 0.5, "val_cer": 0.25, "val_loss": 1.0, "objective": 0.5}
    report = event("report", trial="00000", seconds=2.0, **scores)
    state = state_of(
        event("created", trial="00000"),
        event("started", trial="00000"),
        report,
        event("created", trial="00001"),
        event("started", trial="00001"),
    )
    found = {(one.name, one.state): one.value for one in readings(state, 4, report, 7200)}
    assert {status for name, status in found if name == "trials"} == set(STATUSES)
    assert found["trials", "running"] == found["busy_slots", ""] == 2
    assert (found["slots", ""], found["epochs", ""]) == (4, 1)
    assert (found["best_wer", ""], found["best_cer", ""]) == (0.5, 0.25)
    # Two hours in two seconds, by the one trial that has an epoch.
    assert found["audio_hours_per_second", ""] == 1.0


def test_readings_before_the_first_epoch():
    names = {one.name for one in readings(SearchState(), 4, None, None)}
    assert names == {"trials", "epochs", "slots", "busy_slots"}
    assert names < DESCRIPTIONS.keys()


def test_labels_are_ascii():
    """Ray refuses any other text."""
    assert (label("lr-2"), label("läuft")) == ("lr-2", r"l\xe4uft")


def test_failing_gauges_are_off(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.0)  # each tick would try again

    def fail() -> Iterator:
        raise RuntimeError("no metrics in this Ray\nsecond line")

    said: list[str] = []
    gauges = Gauges("lr", fail, said.append)
    for _ in range(3):
        gauges.tick()
        gauges.event(event("report"))
    assert said == ["no gauges for Prometheus: no metrics in this Ray"]


def test_dashboard_reads_existing_gauges():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    shown = {name for name in DESCRIPTIONS if any(f"ray_tune_asr_{name}{{" in text for text in EXPRESSIONS)}
    assert shown == set(DESCRIPTIONS)


class Running:
    """Search that runs until it is interrupted, with metrics every second."""

    def __init__(self, workspace: Workspace, folder: str) -> None:
        workspace.write("space.yaml", {"config": "config.yaml", "param_space": {}, "search": {"max_concurrent": 1}})
        longer = ("--num-samples", "500", "--set", "asha.grace_period=6")
        variables = {"RAY_TMPDIR": folder, "RAY_metrics_report_interval_ms": "1000"}
        self.process = workspace.popen("search", "--space", "space.yaml", *longer, **variables)
        self.workspace, self._folder = workspace, Path(folder)

    @property
    def discovery(self) -> Path | None:
        """File with the addresses of the metrics ports, once Ray has written it."""
        return next(self._folder.glob("tune_asr-*-ray/ray/prom_metrics_service_discovery.json"), None)

    def gauges(self) -> dict[str, list]:
        """Return samples of our gauges from the node's port."""
        if self.discovery is None:
            return {}
        addresses = json.loads(self.discovery.read_text())[0]["targets"]
        text = ""
        for address in addresses:
            try:
                with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                    text += answer.read().decode()
            except OSError:  # its process is still starting
                continue
        families = [family for family in text_string_to_metric_families(text) if "tune_asr" in family.name]
        return {family.name.removeprefix("ray_tune_asr_"): family.samples for family in families}


@pytest.fixture
def running(workspace) -> Iterator[Running]:
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets need a short path
    running = Running(workspace, folder)
    yield running
    running.process.send_signal(signal.SIGINT)
    out, err = running.process.communicate(timeout=SECONDS)
    assert running.process.returncode == 130, f"{out}\n{err}"
    shutil.rmtree(folder)


def test_running_search_on_metrics_port(running):
    """What Ray exports is what the ledger holds."""
    found: dict[str, list] = {}

    def has_all() -> bool:
        found.update(running.gauges())
        return found.keys() == DESCRIPTIONS.keys()

    running.workspace.wait_for(running.process, has_all, SECONDS)
    labels = [sample.labels["search"] for samples in found.values() for sample in samples]
    assert set(labels) == {"space"}
    assert {sample.labels["state"] for sample in found["trials"]} == set(STATUSES)
    values = {name: samples[0].value for name, samples in found.items() if name != "trials"}
    assert 0 <= values["epochs"] <= running.workspace.reports()
    assert values["slots"] == 1 and values["busy_slots"] in (0, 1)
    rates = [event["val_wer"] for event in running.workspace.ledger() if event["event"] == "report"]
    assert values["best_wer"] in rates
    assert values["last_report_timestamp_seconds"] <= time.time()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: prometheus)")
def test_every_panel_has_data(running, tmp_path):
    """A real Prometheus with the shipped settings answers each expression of the dashboard."""
    running.workspace.wait_for(running.process, lambda: running.discovery is not None, SECONDS)
    settings = yaml.safe_load((CLUSTER / "prometheus.yml").read_text())
    settings["global"]["scrape_interval"] = "1s"
    files = settings["scrape_configs"][0]["file_sd_configs"][0]["files"]
    assert {Path(file).name for file in files} == {running.discovery.name}
    settings["scrape_configs"][0]["file_sd_configs"][0]["files"] = [str(running.discovery)]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = (
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/tsdb",
        f"--web.listen-address={address}",
    )
    log = (tmp_path / "log").open("w")
    prometheus = subprocess.Popen(["prometheus", *flags], stdout=log, stderr=log)

    def answers(expression: str) -> list:
        filled = expression.replace("$search", ".*").replace("$__rate_interval", "20s")
        query = urllib.parse.urlencode({"query": filled})
        try:
            with urllib.request.urlopen(f"http://{address}/api/v1/query?{query}", timeout=10) as answer:
                return json.loads(answer.read())["data"]["result"]
        except urllib.error.HTTPError as error:
            assert error.code == 503, f"{expression}: {error.read().decode()}"  # it is still starting
        except OSError:
            pass
        return []

    try:
        for expression in EXPRESSIONS:
            running.workspace.wait_for(running.process, lambda e=expression: bool(answers(e)), SECONDS)
    finally:
        prometheus.terminate()
        prometheus.wait(timeout=30)
        log.close()
