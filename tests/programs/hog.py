"""Custom recogniser that takes too much memory, once."""

import time
from pathlib import Path

import own


class Recogniser(own.Recogniser):
    def __init__(self, vocab, scheduler, blank_id, dim):
        mark = Path(__file__).with_name("eaten")
        if dim == 20 and not mark.exists():
            mark.touch()
            eaten = []
            while len(eaten) < 60:  # more than the test leaves
                eaten.append(b"x" * 2**27)
                time.sleep(0.1)
        super().__init__(vocab, scheduler, blank_id, dim)
