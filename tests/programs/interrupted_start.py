"""Start that gets a signal, as its child does, while it waits for what no signal reaches."""

import os
import signal
import subprocess
import sys
import time

from tune_asr.search.interrupts import Interrupts
from tune_asr.search.ray.children import spare_children

number = int(sys.argv[1])
signal.signal(number, signal.SIG_DFL)  # nohup, which may run the tests, has SIGHUP ignored
spare_children()
with Interrupts(lambda: None) as interrupts, interrupts.at_once(lambda: print("cleaned up", flush=True)):
    child = subprocess.Popen(["sleep", "3"], preexec_fn=lambda: None)  # as Ray starts its processes
    child.send_signal(number)
    print(child.wait(), flush=True)
    os.kill(os.getpid(), number)
    time.sleep(60)
