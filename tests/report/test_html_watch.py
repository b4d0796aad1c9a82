"""`--html FILE --watch`: the page of a running search, renewed until it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from html_pages import Page

from tune_asr.record.folder import ResultsFolder
from tune_asr.report import __main__ as report
from tune_asr.report.html.watch import watch


def reloads(file: Path) -> bool:
    page = Page(file.read_text())
    return ("meta", {"http-equiv": "refresh", "content": "10"}) in page.elements


def wait_for(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def test_page_is_renewed_until_the_end(search, tmp_path):
    search.describe()
    search.start()
    trial = search.trial(**{"optimizer.lr": 0.1})
    search.epoch(trial, [3, 3, 3])
    file = tmp_path / "page.html"
    lock = ResultsFolder(search.folder.root).lock()
    watching = threading.Thread(target=watch, args=(search.folder.root, file, 0.1))
    with lock:
        watching.start()
        wait_for(file.exists)
        assert reloads(file)
        search.epoch(trial, [1, 0, 0])
        wait_for(lambda: "at epoch 2" in Page(file.read_text()).text)
        search.epoch(trial, [0, 0, 0])
        search.log("finished", trial=trial)
        search.log("search_ended", status="finished")
    watching.join(timeout=60)
    assert not watching.is_alive()
    assert not reloads(file)
    assert "at epoch 3" in Page(file.read_text()).text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".tmp")] == []


def test_ended_search_is_written_once(shared_search, tmp_path, capsys):
    file = tmp_path / "page.html"
    assert report.main([str(shared_search.folder.root), "--html", str(file), "--watch"]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    assert not reloads(file)


def test_interrupted_watch(search, tmp_path):
    search.describe()
    search.start()
    file = tmp_path / "page.html"
    command = [sys.executable, "-m", "tune_asr.report", str(search.folder.root), "--html", str(file), "--watch"]
    with ResultsFolder(search.folder.root).lock():
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == f"{file}\n"
        assert reloads(file)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_page_of_no_watch_never_reloads(search, tmp_path):
    search.describe()
    search.start()
    file = tmp_path / "page.html"
    with ResultsFolder(search.folder.root).lock():
        assert report.main([str(search.folder.root), "--html", str(file)]) == 0
    assert not reloads(file)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--watch"], "error: --watch is given without --html\n    Add --html FILE"),
        (["other", "--watch"], "error: --watch: is given with two folders, but shows one search"),
    ],
)
def test_watch_needs_a_page(shared_search, capsys, flags, message):
    assert report.main([str(shared_search.folder.root), *flags]) == 2
    assert message in capsys.readouterr().err
