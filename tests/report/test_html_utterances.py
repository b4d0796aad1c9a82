"""Table of utterances in the HTML report."""

from __future__ import annotations

import json
import re

from html_pages import page_of


def test_worst_utterances_come_first(shared_page):
    page = shared_page
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
    hypothesis = "one to three five six 7 8 9 ten"
    row = {"id": "utt0", "words": 10, "substitutions": 1, "deletions": 1, "insertions": 0, "hypothesis": hypothesis}
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
    hypotheses = {"utt0": "一二三四五六七九", "utt1": "人口手", "utt2": "左左右"}
    errors = {"words": 1, "substitutions": 1, "deletions": 0, "insertions": 0}
    file = search.folder.utterances(trial)
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        "".join(json.dumps({"id": id, **errors, "hypothesis": text}) + "\n" for id, text in hypotheses.items())
    )
    rewrite_last_report(search, words=3)
    page = page_of(search.folder.root)
    text = page.text[page.text.index("Utterances, worst first") :]
    assert re.findall(r"utt\d", text) == ["utt1", "utt2", "utt0"]
    assert re.findall(r"S \d D \d I \d of \d", text) == ["S 3 D 0 I 0 of 3", "S 0 D 0 I 1 of 2", "S 1 D 0 I 0 of 8"]
    assert "Characters" in text


def rewrite_last_report(search, **fields):
    """Change the last report of the ledger."""
    lines = search.folder.ledger.read_text().splitlines()
    last = max(i for i, line in enumerate(lines) if '"report"' in line)
    lines[last] = json.dumps(json.loads(lines[last]) | fields)
    search.folder.ledger.write_text("\n".join(lines) + "\n")
