"""Writer of a checkpoint that kills itself before its n-th call of one function."""

import os
import signal
import sys
from pathlib import Path

from tune_asr.record.checkpoints import write_checkpoint

folder, call, when = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
owner = {"rename": Path, "fsync": os}[call]
real = getattr(owner, call)
calls = []


def dying(*arguments):
    calls.append(call)
    if len(calls) == when:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)


setattr(owner, call, dying)
write_checkpoint(folder, {"checkpoint.ckpt": lambda path: path.write_bytes(b"second")})
print("alive")
