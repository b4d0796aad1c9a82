"""`python -m tune_asr.report DIR --html FILE`: one file, nothing fetched, whatever stands in the results folder."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tune_asr.record.rerun import rerun_command
from tune_asr.report import __main__ as report
from tune_asr.report import story
from tune_asr.report.results import gather

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}<!-- \u202e\udc80 'q' \"&amp;"
SPACE = {
    "param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}, "model.dim": {"choice": [96, 128]}},
    "asha": {"max_t": 4, "metric": "objective"},
}
MANY = [f"section.key_{k}" for k in range(15)]


class Page(HTMLParser):
    """A page taken apart as a browser does it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data):
        last = self.elements[-1][0] if self.elements else ""
        if last == "script" and self.cdata_elem == "script":
            attributes, content = self.scripts[-1]
            self.scripts[-1] = (attributes, content + data)
        elif last == "style" and self.cdata_elem == "style":
            self.styles.append(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def figures(self) -> dict[str, dict]:
        return {a["data-figure"]: json.loads(content) for a, content in self.scripts if "data-figure" in a}

    @property
    def programs(self) -> list[str]:
        return [content for attributes, content in self.scripts if not attributes]

    @property
    def policy(self) -> dict[str, list[str]]:
        (content,) = (a["content"] for t, a in self.elements if a.get("http-equiv") == "Content-Security-Policy")
        return {name: values for name, *values in (part.split() for part in content.split(";"))}


def page_of(root: Path) -> Page:
    file = root.parent / "page.html"
    assert report.main([str(root), "--html", str(file)]) == 0
    return Page(file.read_text(encoding="utf-8"))


def rungs(search, params_of=lambda i: {"optimizer.lr": 0.001 * (i + 1), "model.dim": 96 + 32 * (i % 2)}, trials=6):
    """Trials of four epochs, every other one pruned at its second."""
    search.start()
    for i in range(trials):
        trial = search.trial(**params_of(i))
        for epoch in range(1, 5):
            search.epoch(trial, [max(0, 10 - i - 2 * epoch), 3, (i + epoch) % 4])
            if epoch == 2:
                verdict = "stop" if i % 2 else "continue"
                search.log("decision", trial=trial, rung=0, epoch=2, value=0.1 * i, cutoff=0.2, verdict=verdict)
                if i % 2:
                    break
        search.log("pruned" if i % 2 else "finished", trial=trial)
    return search


@pytest.fixture
def searched(search):
    search.describe(space=SPACE, config={"optimizer": {"lr": 0.002}})
    return rungs(search)


def test_every_figure_marks_pruned_trials(searched):
    figures = page_of(searched.folder.root).figures
    own, optunas = {"intervals", "rungs", "cost", "timeline"}, {"history", "curves", "parallel", "importance"}
    assert set(figures) == own | optunas | {"slice-0", "slice-1"}
    for name in ("intervals", "cost", "history", "curves", "parallel", "slice-0", "slice-1"):
        assert {"finished", "pruned"} <= {trace.get("name") for trace in figures[name]["data"]}, name
    (stopped,) = {t["line"]["color"] for t in figures["rungs"]["data"] if "x" in t["marker"]["symbol"]}
    (pruned,) = {t["line"]["color"] for t in figures["curves"]["data"] if t["name"] == "pruned"}
    assert stopped == pruned
    assert {t["name"] for t in figures["timeline"]["data"]} == {"finished", "pruned"}


def test_pruned_trial_may_lead_history(search):
    search.start()
    for errors, end in ([5], "finished"), ([1], "pruned"), ([3], "finished"):
        trial = search.trial(lr=0.1)
        search.epoch(trial, errors)
        search.log(end, trial=trial)
    (best,) = (t for t in page_of(search.folder.root).figures["history"]["data"] if t["name"] == "best so far")
    assert best["line"]["shape"] == "hv"
    assert numbers(best["y"]) == [50, 10, 10]


def numbers(encoded) -> list[float]:
    """The values of a Plotly array, which may be encoded."""
    if isinstance(encoded, list):
        return encoded
    import numpy as np

    return np.frombuffer(base64.b64decode(encoded["bdata"]), encoded["dtype"]).tolist()


def test_page_has_terminal_sentences(searched):
    text = page_of(searched.folder.root).text
    results = gather(searched.folder.root, 20)
    for section in (story.header, story.sureness, story.savings, story.replays, story.winner, story.next_steps):
        for line in section(results):
            assert " ".join(line.split()) in text


def test_reported_trials_have_rerun_commands(searched):
    text = page_of(searched.folder.root).text
    for trial, reported in gather(searched.folder.root, 20).ranked:
        assert (rerun_command(searched.folder, trial.number) in text) == bool(reported)


def test_policy_forbids_everything_else(searched):
    page = page_of(searched.folder.root)
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


@pytest.mark.parametrize(
    ("space", "params_of"),
    [
        ({}, lambda i: {}),
        ({"lr": {"grid_search": [1, 2, 3]}}, lambda i: {"lr": 1 + i % 3}),
        ({"lr": {"choice": [0.1]}}, lambda i: {"lr": 0.1}),
        ({"m": {"choice": [None, True, [1, 2], "x", 3, 0.5]}}, lambda i: {"m": [None, True, [1, 2], "x", 3, 0.5][i]}),
        ({"n": {"randint": [3, 4]}}, lambda i: {"n": 3}),
        ({"n": {"randint": [0, 4]}}, lambda i: {"n": i}),
        ({"n": {"randint": [0, 9]}}, lambda i: {"n": i / 2}),
        ({"n": {"lograndint": [1, 100]}}, lambda i: {"n": 1 + i}),
        ({"n": {"quniform": [8, 64, 8]}}, lambda i: {"n": 8 + 8 * i}),
        ({"n": {"qloguniform": [0.25, 4, 0.25]}}, lambda i: {"n": 0.25 + 0.5 * i}),
        ({"n": {"uniform": [0, 1]}}, lambda i: {"n": 5 + i}),
        ({}, lambda i: {"a.x": i, "b.x": "y"} if i else {"b.x": "y"}),
        ({}, lambda i: {"n": None if i else 1}),
        ({key: {"uniform": [0, 1]} for key in MANY}, lambda i: {key: (i + k) / 50 for k, key in enumerate(MANY)}),
    ],
)
def test_every_distribution_has_figures(search, space, params_of):
    search.describe(space={"param_space": space})
    rungs(search, params_of)
    figures = page_of(search.folder.root).figures
    keys = {key for i in range(6) for key in params_of(i)}
    assert len([name for name in figures if name.startswith("slice-")]) == len(keys)
    assert ("parallel" in figures) == bool(keys)


def test_page_in_any_state(search):
    root = search.folder.root
    assert "0 trials" in page_of(root).text
    search.start()
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


def test_figures_show_cer_if_ranked(searched):
    searched.describe(metric="val_cer")
    page = page_of(searched.folder.root)
    figures = page.figures
    assert "WER" not in page.text[: page.text.index("How sure")]
    assert "intervals" not in figures
    assert figures["cost"]["layout"]["yaxis"]["title"]["text"] == "CER %"


def test_worst_utterances_come_first(searched):
    page = page_of(searched.folder.root)
    text = page.text[page.text.index("Utterances, worst first") :]
    assert "No trial has the base settings" in text
    assert re.search(r"winner, trial 0000\d runner-up, trial 0000\d", text)
    errors = [int(count) for count in re.findall(r"utt\d S (\d+)", text)]
    assert errors == sorted(errors, reverse=True)
    assert len(errors) == 3


def test_base_settings_beside_winner(search):
    config = {"optimizer": {"lr": 0.002}}
    search.describe(config=config)
    search.start()
    for lr, errors in (0.001, [1]), (0.003, [2]), (0.002, [7]):
        search.epoch(search.trial(**{"optimizer.lr": lr}), errors)
    text = page_of(search.folder.root).text
    assert "winner, trial 00000 runner-up, trial 00001 base settings, trial 00002" in text
    assert "No trial has the base settings" not in text


def test_references_are_aligned_with_hypotheses(tmp_path, search):
    (tmp_path / "val.jsonl").write_text(
        '{"audio_filepath": "utt0.wav", "text": "One, two three FOUR five six 7 8 9 ten."}\n'
    )
    config = {"data": {"target": "manifest", "train": "t.jsonl", "val": str(tmp_path / "val.jsonl")}}
    search.describe(config=config)
    search.start()
    trial = search.trial()
    search.epoch(trial, [2], checkpoint=False)
    rows = search.folder.utterances(trial)
    rows.parent.mkdir(exist_ok=True)
    heard = "one to three five six 7 8 9 ten"
    row = {"id": "utt0", "words": 10, "substitutions": 1, "deletions": 1, "insertions": 0, "hypothesis": heard}
    rows.write_text(json.dumps(row) + "\n")
    page_of(search.folder.root)
    text = (search.folder.root.parent / "page.html").read_text(encoding="utf-8")
    assert "one two three four five six 7 8 9 ten" in text
    assert re.search(r"one\s+<mark>to</mark>\s+three\s+<del>four</del>\s+five six", text)
    (tmp_path / "val.jsonl").unlink()
    assert "The references are not shown" in page_of(search.folder.root).text


def test_utterances_by_characters_under_cer(tmp_path, search):
    texts = {"utt0": "一二三四五六七八", "utt1": "上中下", "utt2": "左右"}
    rows = ({"audio_filepath": f"{id}.wav", "text": text} for id, text in texts.items())
    (tmp_path / "val.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {"data": {"target": "manifest", "train": "t.jsonl", "val": str(tmp_path / "val.jsonl")}}
    search.describe(config=config, metric="val_cer")
    search.start()
    trial = search.trial()
    search.epoch(trial, [1, 1, 1], checkpoint=False)
    heard = {"utt0": "一二三四五六七九", "utt1": "人口手", "utt2": "左左右"}
    errors = {"words": 1, "substitutions": 1, "deletions": 0, "insertions": 0}
    file = search.folder.utterances(trial)
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps({"id": id, **errors, "hypothesis": text}) + "\n" for id, text in heard.items()))
    rewrite_last_report(search, words=3)
    page = page_of(search.folder.root)
    text = page.text[page.text.index("Utterances, worst first") :]
    assert re.findall(r"utt\d", text) == ["utt1", "utt2", "utt0"]
    assert re.findall(r"S \d D \d I \d of \d", text) == ["S 3 D 0 I 0 of 3", "S 0 D 0 I 1 of 2", "S 1 D 0 I 0 of 8"]
    assert "Characters" in text


def rewrite_last_report(search, **fields):
    """Change what the ledger says of the last epoch."""
    lines = search.folder.ledger.read_text().splitlines()
    last = max(i for i, line in enumerate(lines) if '"report"' in line)
    lines[last] = json.dumps(json.loads(lines[last]) | fields)
    search.folder.ledger.write_text("\n".join(lines) + "\n")


def test_figures_need_no_forbidden_style(searched):
    """Plotly sets powers of ten, bold and slanted text with style attributes."""
    for id, figure in page_of(searched.folder.root).figures.items():
        assert '"exponentformat": "power"' not in json.dumps(figure), id
        axes = [axis for name, axis in figure["layout"].items() if name.startswith("xaxis")]
        assert all(axis["exponentformat"] == "e" for axis in axes), id


def test_many_trials_are_thinned(tmp_path):
    small, large = made_up(tmp_path / "small", 20), made_up(tmp_path / "large", 3_000)
    pages = [page_of(root) for root in (small, large)]
    of_figures = [sum(len(json.dumps(figure)) for figure in page.figures.values()) for page in pages]
    assert of_figures[1] < 1_500_000
    assert "of 3,000 trials are drawn" in pages[1].text
    (best,) = (t for t in pages[1].figures["history"]["data"] if t["name"] == "best so far")
    assert min(numbers(best["y"])) == pytest.approx(100 * min(map(final_wer, range(3_000))))


def final_wer(i: int) -> float:
    return random.Random(i).random()


def made_up(root: Path, trials: int) -> Path:
    """A ledger without files beside it, one trial after the other in four processes."""
    root.mkdir()
    events = [{"event": "search_started", "slots": 4}]
    for i in range(trials):
        trial = f"{i:05d}"
        events.append(
            {"event": "created", "trial": trial, "params": {"lr": 1 / (1 + i), "kind": "ab"[i % 2]}, "seed": i}
        )
        events.append({"event": "started", "trial": trial, "process": f"host:{i % 4}"})
        wer = final_wer(i)
        events.append({"event": "report", "trial": trial, "epoch": 1, "val_wer": wer, "objective": wer, "seconds": 2.0})
        events[-1] |= {"val_cer": wer, "val_loss": None, "last": False}
        verdict = "stop" if i % 3 else "continue"
        events.append({"event": "decision", "trial": trial, "rung": 0, "epoch": 1, "value": wer, "verdict": verdict})
        events.append({"event": "pruned" if i % 3 else "finished", "trial": trial})
    lines = (json.dumps({"time": f"2026-01-01T00:00:{i % 60:02d}Z", **event}) for i, event in enumerate(events))
    (root / "trials.jsonl").write_text("\n".join(lines) + "\n")
    return root


def test_earlier_report_is_overwritten(searched, tmp_path):
    file = tmp_path / "out" / "page.html"
    file.parent.mkdir()
    file.touch()
    for _ in range(2):
        assert report.main([str(searched.folder.root), "--html", str(file)]) == 0
        assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(file.parent.iterdir()) == [file]


def test_other_files_are_never_overwritten(searched, tmp_path, capsys):
    ledger, pipe, link = searched.folder.ledger, tmp_path / "pipe", tmp_path / "link"
    before = ledger.read_bytes()
    os.mkfifo(pipe)
    link.symlink_to(ledger)
    for file in (ledger, pipe, link):
        assert report.main([str(searched.folder.root), "--html", str(file)]) == 5
        assert f"{file}: not a report of tune_asr, and only reports are overwritten" in capsys.readouterr().err
    assert ledger.read_bytes() == before and pipe.is_fifo() and link.is_symlink()


@pytest.mark.parametrize("place", ["folder", "missing/page.html", "file.txt/page.html", "/proc/page.html"])
def test_unwritable_file_is_exit_5(searched, tmp_path, capsys, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").touch()
    before = sorted(tmp_path.iterdir())
    assert report.main([str(searched.folder.root), "--html", str(tmp_path / place)]) == 5
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / place}: ")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "damage",
    ["space: 7", "space: {param_space: [1]}", "space: {param_space: {lr: {uniform: 1}}}", "config: {trainer: x}", "["],
)
def test_damaged_folder_keeps_old_file(searched, tmp_path, capsys, damage):
    (tmp_path / "page.html").touch()
    searched.folder.search_yaml.write_text(damage)
    assert report.main([str(searched.folder.root), "--html", str(tmp_path / "page.html")]) == 5
    assert "The file is damaged" in capsys.readouterr().err
    assert report.main([str(searched.folder.root)]) == 5
    assert (tmp_path / "page.html").read_text() == ""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)


def test_missing_extra_names_packages(searched, tmp_path):
    arguments = [str(searched.folder.root), "--html", str(tmp_path / "page.html")]
    code = "import sys; sys.modules.update(optuna=None, jinja2=None); from tune_asr.report import __main__ as report\n"
    done = run(code + f"sys.exit(report.main({arguments!r}))")
    assert done.returncode == 2
    assert "optuna and jinja2 are not installed" in done.stderr
    assert "pip install -e '.[report]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_html_loads_no_torch_or_ray(searched, tmp_path):
    arguments = [str(searched.folder.root), "--html", str(tmp_path / "page.html")]
    code = f"import sys; from tune_asr.report import __main__ as report; report.main({arguments!r})\n"
    done = run(code + "print({'torch', 'ray', 'lightning'} & set(sys.modules))")
    assert done.stdout.endswith("set()\n"), done.stderr
    assert done.stderr == ""


PHONE = """<iframe id="phone" src="page.html" width="390" height="844"></iframe><pre id="seen"></pre><script>
phone.onload = () => {
  const page = phone.contentDocument, drawn = [...page.querySelectorAll(".plot")];
  seen.textContent = JSON.stringify({
    width: page.documentElement.scrollWidth,
    drawn: drawn.filter((plot) => plot.querySelector(".main-svg .xaxislayer-above")).map((plot) => plot.id),
    alone: phone.contentWindow.performance.getEntriesByType("resource").map((entry) => entry.name),
    ground: getComputedStyle(page.body).backgroundColor,
    ink: page.querySelector("#cost .xtick text").style.fill,
  });
};
</script>"""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here to look at the page with")
@pytest.mark.parametrize(
    ("scheme", "ground", "ink"),
    [
        pytest.param(0, "rgb(18, 21, 26)", "rgb(228, 232, 238)", id="dark"),
        pytest.param(1, "rgb(245, 246, 248)", "rgb(28, 33, 40)", id="light"),
    ],
)
def test_browser_draws_every_figure(searched, tmp_path, scheme, ground, ink):
    page = page_of(searched.folder.root)
    wrapper = searched.folder.root.parent / "phone.html"
    wrapper.write_text(PHONE)
    quiet = ["--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-component-update"]
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", *quiet]
    looking = ["--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"]
    done = subprocess.run(
        [CHROMIUM, *arguments, f"--blink-settings=preferredColorScheme={scheme}", *looking, wrapper.as_uri()],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    seen = json.loads(re.search(r'<pre id="seen">(.*?)</pre>', done.stdout)[1])
    assert set(seen["drawn"]) == set(page.figures)
    assert seen["alone"] == [], "it fetched something"
    assert seen["width"] <= 390, "the page scrolls sideways on a phone"
    assert (seen["ground"], seen["ink"]) == (ground, ink)
    assert "CONSOLE" not in done.stderr, done.stderr
