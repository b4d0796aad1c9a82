"""Writer of a file or of a folder that waits half-way to be killed."""

import sys
import time
from pathlib import Path

from tune_asr.storage.atomic import new_folder, replace_file

kind, path = sys.argv[1], Path(sys.argv[2])


def wait(temporary):
    (temporary if kind == "file" else temporary / "half").write_text("half")
    print(temporary.name, flush=True)
    time.sleep(100)


if kind == "file":
    replace_file(path, wait)
else:
    with new_folder(path) as folder:
        wait(folder)
