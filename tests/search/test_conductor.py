"""Conductor without Ray: its answers, and its ledger."""

import pytest

from tests.ledgers import read_lines
from tests.search.conductors import kinds, report
from tune_asr.record.checkpoints import UTTERANCES, epoch_folder, write_checkpoint
from tune_asr.search import messages


def test_ledger_is_written_before_the_answer(make, folder):
    conductor = make()
    first, second = conductor.next_work(), conductor.next_work()
    assert conductor.receive(first.number, messages.Ready(0, [], "host:1")) == "continue"
    assert conductor.receive(second.number, messages.Ready(0, [], "host:2")) == "continue"
    assert conductor.receive(first.number, report(1, 0.5)) == "continue"
    assert conductor.receive(second.number, report(1, 0.6, trial=second.number)) == "stop"
    assert kinds(folder)[-3:] == ["report", "decision", "pruned"]


def test_work_keeps_its_surroundings_as_text(make):
    work = make().next_work()
    assert messages.Work.from_config(work.to_config()).surroundings == work.surroundings


def test_best_utterances_outlive_their_checkpoint(make, folder):
    """They are copied after the answer."""
    conductor = make()
    work = conductor.next_work()
    kept = folder.utterances(work.number)

    def tell(epoch, objective, last=False):
        where = epoch_folder(folder.checkpoints(work.number), epoch)
        write_checkpoint(where, {UTTERANCES: lambda path: path.write_text(f"of epoch {epoch}")})
        conductor.receive(work.number, report(epoch, objective, last=last))

    tell(1, 0.5)
    assert not kept.exists()
    conductor.catch_up()
    assert kept.read_text() == "of epoch 1"
    tell(2, 0.4)
    tell(3, 0.6)
    assert kept.read_text() == "of epoch 2"
    tell(4, 0.3, last=True)
    assert kept.read_text() == "of epoch 4"


def test_repeated_epoch_counts_once(make, folder):
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    conductor.receive("00000", report(1))
    conductor.receive("00000", report(2))
    again = make()
    again.next_work()
    again.receive("00000", messages.Ready(0, ["epoch_002: removed"], "host:2"))
    assert again.receive("00000", report(1)) == "continue"
    assert again.receive("00000", report(2)) == "continue"
    assert kinds(folder).count("report") == 2
    assert again.receive("00000", report(3)) == "continue"


@pytest.mark.parametrize("cut", [1, 2])
def test_resume_appends_lost_verdicts(make, folder, cut):
    conductor = make()
    for number in ("00000", "00001"):
        conductor.next_work()
        conductor.receive(number, messages.Ready(0, [], "host:1"))
    conductor.receive("00000", report(1, 0.5))
    conductor.receive("00001", report(1, 0.6, trial="00001"))
    whole = read_lines(folder.ledger)
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    folder.ledger.write_bytes(b"".join(lines[:-cut]))
    make()
    strip = [{k: v for k, v in line.items() if k != "time"} for line in read_lines(folder.ledger)]
    assert strip == [{k: v for k, v in line.items() if k != "time"} for line in whole]


def saved(folder, number, *epochs):
    """Write checkpoints like a worker; return all epochs on disk."""
    where = folder.checkpoints(number)
    for epoch in epochs:
        write_checkpoint(epoch_folder(where, epoch), {UTTERANCES: lambda path: path.write_text("")})
    return sorted(int(path.name.removeprefix("epoch_")) for path in where.iterdir())


def test_resume_ends_a_finished_trial(make, folder):
    """Its checkpoints are pruned, too."""
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    for epoch in (1, 2, 3, 4):
        saved(folder, "00000", epoch)
        conductor.receive("00000", report(epoch, 0.5 - epoch / 10, last=epoch == 4))
    saved(folder, "00000", 3)
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    folder.ledger.write_bytes(b"".join(lines[:-1]))
    assert make().state.trials["00000"].status == "finished"
    assert saved(folder, "00000") == [4]


def test_repeated_epochs_are_pruned_too(make, folder):
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    for epoch in (1, 2, 3, 4):
        conductor.receive("00000", report(epoch, epoch / 10))
    again = make()
    again.next_work()
    again.receive("00000", messages.Ready(0, ["removed"] * 4, "host:2"))
    for epoch, left in ((1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 3, 4])):
        saved(folder, "00000", epoch)
        again.receive("00000", report(epoch, epoch / 10))
        assert saved(folder, "00000") == left


def test_custom_class_may_end_its_training(make, folder):
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    conductor.receive("00000", report(1))
    assert conductor.receive("00000", messages.CutShort()) == "stop"
    conductor.process_ended("00000", None)
    assert kinds(folder)[-1] == "finished"


def test_search_is_over_after_all_trials(make):
    conductor = make()
    for _ in range(3):
        work = conductor.next_work()
        conductor.receive(work.number, messages.Ready(0, [], "host:1"))
        conductor.receive(work.number, messages.NotFinite("nan"))
        conductor.process_ended(work.number, None)
    assert conductor.is_over
    assert conductor.next_work() is None


def test_control_survives_a_kill(make, folder):
    """It is marked, trained on, and judged no more."""

    def conduct(epoch, *trials, last=False):
        conductor = make(controls=1)
        for number, value in trials:
            while number not in conductor.state.trials:
                conductor.next_work()
            if not conductor.state.trials[number].reports:
                conductor.receive(number, messages.Ready(0, [], "host:1"))
            conductor.receive(number, report(epoch, value, last=last, trial=number))
        return conductor

    conduct(1, ("00000", 0.5), ("00001", 0.6), ("00002", 0.7))
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    cut = next(k for k, line in enumerate(lines) if b'"control": true' in line)
    folder.ledger.write_bytes(b"".join(lines[:cut]))  # the crash took the decision that made it a control
    conduct(2, ("00001", 0.6))
    trials = conduct(1, ("00002", 0.7)).state.trials
    assert {number: (trial.status, trial.is_control) for number, trial in trials.items()} == {
        "00000": ("running", False),
        "00001": ("running", True),
        "00002": ("pruned", False),
    }
    # Whoever comes to the second rung after it is judged as if it had been pruned.
    trials = conduct(2, ("00000", 0.9)).state.trials
    assert [(d.epoch, d.verdict) for d in trials["00000"].decisions] == [(1, "continue"), (2, "continue")]
    assert [(d.epoch, d.verdict) for d in trials["00001"].decisions] == [(1, "continue")]
