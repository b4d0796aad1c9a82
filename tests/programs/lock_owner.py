"""Owner of a results folder, with a child that outlives it."""

import subprocess
import sys
import time
from pathlib import Path

from tune_asr.record.folder import ResultsFolder

lock = ResultsFolder(Path(sys.argv[1])).lock()
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, close_fds=False)
print(child.pid, flush=True)
time.sleep(60)
