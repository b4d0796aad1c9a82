"""Pages of the HTML report, and a search to report on."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from tune_asr.report import __main__ as report

SPACE = {
    "param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}, "model.dim": {"choice": [96, 128]}},
    "asha": {"max_t": 4, "metric": "objective"},
}


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


def numbers(encoded) -> list[float]:
    """The values of a Plotly array, which may be encoded."""
    if isinstance(encoded, list):
        return encoded
    return np.frombuffer(base64.b64decode(encoded["bdata"]), encoded["dtype"]).tolist()
