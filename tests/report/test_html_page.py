"""`python -m tune_asr.report DIR --html FILE`: one file that fetches nothing, whatever the folder holds."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from html_pages import page_of, rungs

from tune_asr.record.rerun import rerun_command
from tune_asr.report import __main__ as report
from tune_asr.report import story
from tune_asr.report.next_commands import next_command_lines
from tune_asr.report.pruning import savings_lines
from tune_asr.report.results import gather

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}<!-- \u202e\udc80 'q' \"&amp;"
PHONE = """<iframe id="phone" src="page.html" width="390" height="844"></iframe><pre id="seen"></pre><script>
phone.onload = () => {
  const page = phone.contentDocument, drawn = [...page.querySelectorAll(".plot")];
  seen.textContent = JSON.stringify({
    width: page.documentElement.scrollWidth,
    drawn: drawn.filter((plot) => plot.querySelector(".main-svg .xaxislayer-above")).map((plot) => plot.id),
    alone: phone.contentWindow.performance.getEntriesByType("resource").map((entry) => entry.name),
    ground: getComputedStyle(page.body).backgroundColor,
    ink: page.querySelector("#cost .xtick text").style.fill,
    labels: [...page.querySelectorAll("#parallel text.annotation-text")].map((label) => label.style.fill),
    axes: [...page.querySelectorAll("#parallel .shapelayer path")].map((axis) => axis.style.stroke),
    soft: getComputedStyle(page.querySelector("figcaption")).color,
  });
};
</script>"""

WIDE = """<iframe id="desk" src="page.html" width="1600" height="900"></iframe><pre id="seen"></pre><script>
desk.onload = () => {
  const page = desk.contentDocument, table = page.querySelector(".numbers"), box = table.parentElement;
  const section = box.parentElement.getBoundingClientRect();
  seen.textContent = JSON.stringify({
    table: box.scrollWidth, box: box.clientWidth, left: section.left, right: section.right,
    page: page.documentElement.scrollWidth,
  });
};
</script>"""
TWELVE = [f"optimizer.some_longer_name_{k}" for k in range(12)]


def test_page_has_terminal_sentences(shared_page, shared_search):
    text = shared_page.text
    results = gather(shared_search.folder.root, 20)
    for section in (story.header, story.sureness, savings_lines, story.replays, story.winner, next_command_lines):
        for line in section(results):
            assert " ".join(line.split()) in text


def test_reported_trials_have_rerun_commands(shared_page, shared_search):
    text = shared_page.text
    for trial, reported in gather(shared_search.folder.root, 20).ranked:
        assert (rerun_command(shared_search.folder, trial.number) in text) == bool(reported)


def test_policy_forbids_everything_else(shared_page):
    page = shared_page
    assert page.policy["default-src"] == ["'none'"]
    for name, contents in (("script-src", page.programs), ("style-src", [*page.styles, ""])):
        digests = (base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in contents)
        assert page.policy[name] == [f"'sha256-{digest}'" for digest in digests]
    assert page.policy["style-src-attr"][0] == "'unsafe-hashes'", "which alone lets in no style attribute"
    assert "'unsafe-inline'" not in str(page.policy)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "img", "form"), tag
        assert not {"src", "href", "style", "srcset", "action"} & set(attributes), attributes
        assert not [name for name in attributes if name.startswith("on")], attributes


def test_hostile_text_stays_text(tmp_path, search):
    text = HOSTILE.replace("\udc80", "")  # which no YAML holds
    search.describe(name=text, config={"data": {"target": "manifest", "train": text, "val": text}})
    search.start()
    for value in (HOSTILE, "b"):
        trial = search.trial(**{HOSTILE: value})
        search.log("paused", trial=trial, epoch=0, cause=HOSTILE)
        search.log("resumed", trial=trial, epoch=0, cause=HOSTILE, process=HOSTILE)
        search.epoch(trial, [1, 2], checkpoint=False)
        rows = search.folder.utterances(trial)
        rows.parent.mkdir(exist_ok=True)
        row = {"id": HOSTILE, "words": 20, "substitutions": 3, "deletions": 0, "insertions": 0, "hypothesis": HOSTILE}
        rows.write_text(json.dumps(row) + "\n")
    search.log("failed", trial=trial, cause=HOSTILE)
    root = search.folder.root.rename(search.folder.root.parent / "<b onclick=alert(3)>&amp;")
    page = page_of(root)
    assert len(page.programs) == 2, "Plotly and ours"
    assert {tag for tag, _ in page.elements} & {"img", "b"} == set()
    assert "<b onclick=alert(3)>&amp;: interrupted" in page.text
    assert page.text.count("<img src=x onerror=alert(2)>{{ 7*7 }}<!--") >= 4
    assert "'q' \"&amp;" in page.text
    for id, figure in page.figures.items():
        # Plotly takes text for HTML: what it is given has no tag that is not ours.
        tags = set(re.findall(r"<[^<>]*>", json.dumps(figure, ensure_ascii=False)))
        assert tags <= {"<br>", "<extra>", "</extra>"}, id


def test_page_in_any_state(search):
    root = search.folder.root
    search.start()
    assert "0 trials" in page_of(root).text
    trial = search.trial(lr=0.1)
    page = page_of(root)
    assert "No trial has a result yet." in page.text
    assert set(page.figures) == {"timeline"}
    search.epoch(trial, [1, 2])
    with search.folder.lock(), search.folder.ledger.open("ab") as file:
        file.write(b'{"event": "report", "tri')
        file.flush()
        page = page_of(root)
    assert "lr: running" in page.text
    assert {"history", "curves", "cost", "intervals", "slice-0"} <= set(page.figures)


def test_page_when_all_diverged(search):
    search.start()
    for lr in (1.0, 2.0):
        search.log("diverged", trial=search.trial(lr=lr), cause="loss is NaN")
    page = page_of(search.folder.root)
    assert "00001 diverged after epoch 0: loss is NaN" in page.text
    assert "history" not in page.figures


def test_earlier_report_is_overwritten(rung_search, tmp_path):
    file = tmp_path / "out" / "page.html"
    file.parent.mkdir()
    file.touch()
    for _ in range(2):
        assert report.main([str(rung_search.folder.root), "--html", str(file)]) == 0
        assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(file.parent.iterdir()) == [file]


def test_other_files_are_never_overwritten(rung_search, tmp_path, capsys):
    ledger, pipe, link = rung_search.folder.ledger, tmp_path / "pipe", tmp_path / "link"
    before = ledger.read_bytes()
    os.mkfifo(pipe)
    link.symlink_to(ledger)
    for file in (ledger, pipe, link):
        assert report.main([str(rung_search.folder.root), "--html", str(file)]) == 5
        assert f"{file}: not a report of tune_asr, and only reports are overwritten" in capsys.readouterr().err
    assert ledger.read_bytes() == before and pipe.is_fifo() and link.is_symlink()


@pytest.mark.parametrize("place", ["folder", "missing/page.html", "file.txt/page.html", "/proc/page.html"])
def test_unwritable_file_is_exit_5(rung_search, tmp_path, capsys, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").touch()
    before = sorted(tmp_path.iterdir())
    assert report.main([str(rung_search.folder.root), "--html", str(tmp_path / place)]) == 5
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / place}: ")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "damage",
    ["space: 7", "space: {param_space: [1]}", "space: {param_space: {lr: {uniform: 1}}}", "config: {trainer: x}", "["],
)
def test_damaged_folder_keeps_old_file(rung_search, tmp_path, capsys, damage):
    (tmp_path / "page.html").touch()
    rung_search.folder.search_yaml.write_text(damage)
    assert report.main([str(rung_search.folder.root), "--html", str(tmp_path / "page.html")]) == 5
    assert "The file is damaged" in capsys.readouterr().err
    assert report.main([str(rung_search.folder.root)]) == 5
    assert (tmp_path / "page.html").read_text() == ""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)


def test_missing_extra_names_packages(rung_search, tmp_path):
    arguments = [str(rung_search.folder.root), "--html", str(tmp_path / "page.html")]
    code = "import sys; sys.modules.update(plotly=None, jinja2=None); from tune_asr.report import __main__ as report\n"
    done = run(code + f"sys.exit(report.main({arguments!r}))")
    assert done.returncode == 2
    assert "plotly and jinja2 are not installed" in done.stderr
    assert "pip install -e '.[report]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_html_loads_no_torch_or_ray(rung_search, tmp_path):
    arguments = [str(rung_search.folder.root), "--html", str(tmp_path / "page.html")]
    code = f"import sys; from tune_asr.report import __main__ as report; report.main({arguments!r})\n"
    done = run(code + "print({'torch', 'ray', 'lightning'} & set(sys.modules))")
    assert done.stdout.endswith("set()\n"), done.stderr
    assert done.stderr == ""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here to look at the page with")
@pytest.mark.parametrize(
    ("scheme", "ground", "ink"),
    [
        pytest.param(0, "rgb(18, 21, 26)", "rgb(228, 232, 238)", id="dark"),
        pytest.param(1, "rgb(245, 246, 248)", "rgb(28, 33, 40)", id="light"),
    ],
)
def test_browser_draws_every_figure(shared_page, shared_search, tmp_path, scheme, ground, ink):
    page = shared_page
    seen, log = looked_at(PHONE, shared_search.folder.root.parent, tmp_path, scheme)
    assert set(seen["drawn"]) == set(page.figures)
    assert seen["alone"] == [], "it fetched something"
    assert seen["width"] <= 390, "the page scrolls sideways on a phone"
    assert (seen["ground"], seen["ink"]) == (ground, ink)
    assert set(seen["labels"]) == {ink}, "labels of the axes cannot be read"
    assert set(seen["axes"]) == {seen["soft"]}, "the axes themselves cannot be seen"
    assert "CONSOLE" not in log, log


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here to look at the page with")
def test_leaderboard_fits_wide_window(search, tmp_path):
    """Twelve searched keys stand side by side, and none of them is cut off."""
    search.describe(space={"param_space": {key: {"uniform": [0, 1]} for key in TWELVE}})
    rungs(search, lambda i: {key: (i + k) / 17 for k, key in enumerate(TWELVE)})
    page_of(search.folder.root)
    seen, _ = looked_at(WIDE, search.folder.root.parent, tmp_path, scheme=1)
    assert seen["table"] <= seen["box"], "the last column is cut off"
    assert seen["left"] >= 0 and seen["right"] <= 1600
    assert seen["page"] <= 1600, "the page scrolls sideways"


def looked_at(wrapper: str, folder: Path, profile: Path, scheme: int) -> tuple[dict, str]:
    """Look at page.html of a folder from a page around it; returns what that saw, and the browser's log."""
    around = folder / "around.html"
    around.write_text(wrapper)
    quiet = ["--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-component-update"]
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile / 'profile'}", *quiet]
    looking = ["--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"]
    done = subprocess.run(
        [CHROMIUM, *arguments, f"--blink-settings=preferredColorScheme={scheme}", *looking, around.as_uri()],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return json.loads(re.search(r'<pre id="seen">(.*?)</pre>', done.stdout)[1]), done.stderr
