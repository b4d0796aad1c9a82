"""Utterances shown each epoch."""

from __future__ import annotations

import json

import wandb
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tune_asr.config.sections import LoggingSection
from tune_asr.scoring.transcript import Transcript
from tune_asr.training.callbacks.samples import Samples, chosen
from tune_asr.training.fit import fit
from tune_asr.training.loggers import make_loggers


def train(quick, folder, *, wandb=False):
    """Two epochs; returns the loggers and each epoch's hypotheses by id."""
    section = LoggingSection(tensorboard=not wandb, use_wandb=wandb)
    heard = []
    fit(
        quick(trainer={"max_epochs": 2}),
        lambda result, *_: heard.append({u.id: (u.reference, u.hypothesis) for u in result.utterances}),
        loggers=make_loggers(section, folder, name="run"),
        callbacks=[Samples(3)],
    )
    return heard


def test_tensorboard_shows_same_utterances(quick, tmp_path):
    """Each epoch has the hypotheses of the same utterances."""
    heard = train(quick, tmp_path)
    events = EventAccumulator(str(tmp_path / "run" / "version_0")).Reload()
    shown = events.Tensors("samples/text_summary")
    assert [event.step for event in shown] == [event.step for event in events.Scalars("val_wer")]
    chosen_ids = []
    for event, epoch in zip(shown, heard, strict=True):
        rows = event.tensor_proto.string_val[0].decode().splitlines()[2:]
        cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
        for name, reference, hypothesis in cells:
            assert (reference, hypothesis) == tuple(text.strip() for text in epoch[name])
        chosen_ids.append([row[0] for row in cells])
    assert len(chosen_ids[0]) == 3 and chosen_ids[0] == chosen_ids[1]


def test_wandb_has_a_table_each_epoch(quick, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    try:
        heard = train(quick, tmp_path, wandb=True)
    finally:
        wandb.teardown()
    tables = [json.loads(path.read_text()) for path in tmp_path.rglob("samples_*.table.json")]
    assert len(tables) == 2
    for table in tables:
        assert table["columns"] == ["id", "reference", "hypothesis"]
        assert any(all(tuple(row[1:]) == epoch[row[0]] for row in table["data"]) for epoch in heard)


@given(st.sets(st.text("abc", min_size=1)), st.integers(1, 6), st.randoms())
def test_batch_order_changes_no_choice(ids, number, random):
    results = [Transcript(name, "", "") for name in ids]
    first = chosen(results, number)
    random.shuffle(results)
    assert chosen(results, number) == first
    assert len({result.id for result in first}) == min(number, len(ids))
