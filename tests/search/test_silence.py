"""Silence of workers, minute by minute."""

from tune_asr.search.silence import Silence

MINUTE = 60.0


class Clock:
    """Looks every second at the trials that run."""

    def __init__(self, minutes="auto", longest_epoch=0.0):
        self.now, self.silence, self.running = 0.0, Silence(minutes, longest_epoch, 0.0), ["00000"]
        self.silence.met("00000", "node:7", "n1")

    def after(self, seconds: float) -> list[str]:
        """Return what is found in the next seconds."""
        found = []
        for _ in range(int(seconds)):
            self.now += 1
            found += [f"{f.what} {f.trial} after {f.seconds:.0f}" for f in self.silence.look(self.running, self.now)]
        return found


def test_first_report_may_take_half_an_hour():
    clock = Clock()
    assert clock.after(30 * MINUTE) == []
    assert clock.after(1) == ["kill 00000 after 1801"]
    assert clock.after(30) == []


def test_later_reports_may_take_ten_minutes():
    clock = Clock()
    clock.silence.heard("00000", 5.0)
    assert clock.after(600) == []
    assert clock.after(1) == ["kill 00000 after 601"]


def test_long_epochs_allow_long_silence():
    """The longest epoch of the search counts, whichever trial had it."""
    clock = Clock(longest_epoch=100.0)
    clock.running = ["00000", "00001"]
    clock.silence.heard("00000", 5.0)
    assert clock.after(17 * MINUTE)[0] == "kill 00000 after 1001"
    clock = Clock(longest_epoch=100.0)
    clock.running = ["00000", "00001"]
    clock.silence.heard("00000", 5.0)
    clock.silence.heard("00001", 200.0)
    assert clock.after(30 * MINUTE) == []


def test_number_of_minutes_holds_always():
    clock = Clock(minutes=0.5)
    assert clock.after(31) == ["kill 00000 after 31"]
    clock.silence.ended("00000")
    clock.silence.heard("00000", 500.0)
    assert clock.after(31) == ["kill 00000 after 31"]


def test_any_word_begins_anew():
    clock = Clock(minutes=1)
    for _ in range(5):
        assert clock.after(50) == []
        clock.silence.met("00000", "node:7", "n1")


def test_survivor_of_its_kill_is_given_up():
    clock = Clock(minutes=1)
    assert clock.after(61) == ["kill 00000 after 61"]
    assert clock.after(60) == []
    (found,) = clock.silence.look(clock.running, clock.now + 1)
    assert found.cause == "its process node:7 has said nothing for 2 min 2 s: it outlives its kill by 1 min 0 s"


def test_dead_process_is_not_given_up():
    clock = Clock(minutes=1)
    assert clock.after(61) == ["kill 00000 after 61"]
    clock.running = []
    assert clock.after(5) == []
    clock.running = ["00000"]  # its next try
    assert clock.after(60) == []


def test_stopped_driver_blames_nobody():
    """Its workers have said what it could not hear."""
    clock = Clock(minutes=1)
    assert clock.silence.look(clock.running, 3600.0) == []


def test_waiting_trial_is_not_silent():
    clock = Clock(minutes=1)
    clock.running = []
    assert clock.after(300) == []
