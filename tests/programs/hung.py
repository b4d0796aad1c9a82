"""Custom recogniser that hangs once, in a process that its driver does not know again."""

import time
from pathlib import Path

import own


class Recogniser(own.Recogniser):
    def training_step(self, batch, batch_idx):
        mark = Path(__file__).with_name("hung")
        if self.trainer.current_epoch == 1 and not mark.exists():
            from ray._raylet import setproctitle

            mark.touch()
            setproctitle("another program")
            time.sleep(1000)
        return super().training_step(batch, batch_idx)
