"""Start two children with a child each; kill one family and spare the other."""

import subprocess
import sys

from tune_asr.search.ray.descendants import descendants, kill_descendants

START_ONE = "import subprocess; print(subprocess.Popen(['sleep', '100']).pid, flush=True); input()"


def family():
    command = [sys.executable, "-c", START_ONE]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return child, int(child.stdout.readline())


def main():
    spared, below_spared = family()
    child, grandchild = family()
    found = set(descendants()) == {spared.pid, below_spared, child.pid, grandchild}
    kept = descendants([spared.pid]) == [child.pid, grandchild]
    kill_descendants([spared.pid])
    child.stdout.read()  # until all holders of the other end are gone
    print(found, kept, child.wait(), descendants() == [spared.pid, below_spared])
    kill_descendants([])


if __name__ == "__main__":
    main()
