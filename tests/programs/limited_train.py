"""`train`, with a limit on the memory that it may take beyond what a small training has taken already.

    python limited_train.py BYTES SMALL_CONFIG CONFIG

The small training loads torch, Lightning and all else that every training needs. The limit is on private memory
(RLIMIT_DATA): files that are mapped for reading are not counted.
"""

import re
import resource
import sys
from pathlib import Path

from tune_asr.train.__main__ import main


def data_bytes() -> int:
    """Return the private memory of this process, as RLIMIT_DATA counts it."""
    return 1024 * int(re.search(r"VmData:\s*(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))[1])


if __name__ == "__main__":
    headroom, small, config = sys.argv[1:]
    if code := main(["--config", small, "--fast-dev-run"]):
        sys.exit(code)
    limit = data_bytes() + int(headroom)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    sys.exit(main(["--config", config, "--fast-dev-run"]))
