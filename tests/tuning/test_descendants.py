"""Who was started by whom, and that none of them stays."""

import subprocess
import sys

CHILD_AND_GRANDCHILD = """
import subprocess
import sys

from tune_asr.tuning.descendants import descendants, kill_descendants

START_ONE = "import subprocess; print(subprocess.Popen(['sleep', '100']).pid, flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", START_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
grandchild = int(child.stdout.readline())
found = descendants() == [child.pid, grandchild]
kill_descendants()
child.stdout.read()  # until nobody holds the other end any more
print(found, child.wait())
"""


def test_children_and_grandchildren_are_found_parents_first_and_killed():
    told = subprocess.run([sys.executable, "-c", CHILD_AND_GRANDCHILD], capture_output=True, text=True, timeout=60)
    assert told.stdout.split() == ["True", "-9"], told.stderr
