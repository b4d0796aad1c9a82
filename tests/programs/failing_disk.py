"""Search whose disk fails once, while the driver lists the checkpoints of a trial."""

import errno
import os
import sys
from pathlib import Path

from tune_asr.search.__main__ import main

iterdir, left = Path.iterdir, [int(sys.argv[1])]


def failing(path):
    if path.parts[-2:] == ("checkpoints", "00001"):
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
    return iterdir(path)


if __name__ == "__main__":
    Path.iterdir = failing
    sys.exit(main(sys.argv[2:]))
