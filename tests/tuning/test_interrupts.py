"""Signals during a search."""

import signal

from tune_asr.tuning.interrupts import SIGNALS, Interrupts


def test_every_handler_is_put_back_whoever_replaced_it():
    numbers = (*SIGNALS, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in numbers]
    with Interrupts() as interrupts:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as ray.init does
        signal.signal(signal.SIGUSR1, lambda *_: None)  # as Tune does
        interrupts.install()
        signal.raise_signal(signal.SIGTERM)
        assert interrupts.number == signal.SIGTERM
    assert [signal.getsignal(number) for number in numbers] == before
