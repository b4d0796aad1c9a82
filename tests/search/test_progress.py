"""Lines of a running search."""

import io

import pytest

from tests.ledgers import event, planned
from tune_asr.record.state import SearchState
from tune_asr.search.progress import Progress


def progress(events, num_trials=4):
    state, stream = SearchState(), io.StringIO()
    lines = Progress(planned(num_trials), state, slots=2, stream=stream)
    for each in events:
        state.apply(each)
        lines.event(each)
    return [line.partition("  ")[2] for line in stream.getvalue().splitlines()]


def created(trial):
    return event("created", trial=trial, params={"optimizer.lr": 0.00123})


def report(trial, epoch, wer, seconds=10.0):
    scores = dict.fromkeys(("val_wer", "val_cer", "val_loss"), wer)
    return event("report", trial=trial, epoch=epoch, seconds=seconds, **scores)


def test_line_has_event_best_time_left():
    started = event("started")
    lines = progress([created("00000"), started, report("00000", 1, 0.5), report("00000", 2, 0.75)])
    assert lines[0] == "00000  new       lr=0.00123"
    assert "epoch   2/27  WER  75.0 %" in lines[-1]
    assert "best  50.0 % (00000)" in lines[-1]
    # Four trials of 3 + 6/3 + 18/9 = 7 epochs foreseen, two of them done, ten seconds each. The last trial trains
    # the 18 epochs from the last rung alone, the other 8 epochs go over two slots.
    assert lines[-1].endswith("left ~4 min")


@pytest.mark.parametrize("ended", ["pruned", "finished"])
def test_ended_trials_refine_time_left(ended):
    events = [created("00000"), *(report("00000", epoch, 0.5) for epoch in range(1, 28))]
    events += [event(ended), created("00001"), report("00001", 1, 0.4)]
    # Two new trials and the one that has begun come to epoch 3: 8 epochs. One of three continues at each rung, and
    # one has done so: 6/3 + 18/9 are left for the one that has begun. All may be a single trial's, at 10 s.
    assert progress(events)[-1].endswith("left ~120 s")


def test_time_left_counts_to_next_rung():
    events = [created("00000"), *(report("00000", epoch, 0.5, seconds=1.0) for epoch in range(1, 4))]
    events += [event("pruned"), created("00001")]
    events += [report("00001", epoch, 0.4) for epoch in range(1, 13)]
    lines = progress(events, num_trials=2)
    assert lines[-2].endswith("left ~3 min")  # 16 epochs of 10 s
    # At a rung it is not known yet who goes on: 18 epochs at a chance of a third.
    assert lines[-4].endswith("left ~60 s")
    events += [report("00001", epoch, 0.4) for epoch in range(13, 28)]
    assert progress(events, num_trials=2)[-1].endswith("left ~0 s")


def test_missing_score_is_never_best():
    lines = progress([created("00000"), report("00000", 1, None)])
    assert "best" not in lines[-1]


def test_damaged_checkpoints_are_named():
    troubles = {"damaged": ["epoch_002: removed"], "warning": "W&B is\x1b[2J off"}
    resumed = event("resumed", epoch=1, cause="it\ndied", **troubles)
    lines = progress([created("00000"), report("00000", 1, 0.5), resumed])
    assert lines[-3] == r"00000  resumed   after epoch 1: it\ndied"
    assert [line.strip() for line in lines[-2:]] == [
        "damaged, passed over: epoch_002: removed",
        r"warning: W&B is\x1b[2J off",
    ]


def test_pause_before_first_epoch():
    lines = progress([created("00000"), event("paused", epoch=0), event("resumed", epoch=0, cause="it died")])
    assert lines[-2:] == ["00000  paused    before its first epoch", "00000  resumed   before its first epoch: it died"]


def test_closing_is_told_with_its_cause():
    lines = progress([created("00000"), event("closing", cause="the time left is 30 s")])
    assert lines[-1] == "no more trials begin: the time left is 30 s"


def test_process_is_named_on_a_cluster():
    started = event("started", process="node-1:12")
    resumed = event("resumed", epoch=0, process="node-2:34", cause="its node was lost")
    lost = event("paused", epoch=0, cause="its node was lost")
    on_cluster = event("search_started", address="auto")
    assert progress([on_cluster, created("00000"), started, lost, resumed])[1:] == [
        "00000  started   on node-1 (pid 12)",
        "00000  paused    before its first epoch: its node was lost",
        "00000  resumed   before its first epoch on node-2 (pid 34): its node was lost",
    ]
    assert len(progress([event("search_started", address="local"), created("00000"), started])) == 1
