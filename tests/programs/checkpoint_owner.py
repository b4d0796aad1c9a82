"""Owner of a folder of checkpoints, until it is killed."""

import sys
import time
from pathlib import Path

from tune_asr.train.checkpoint_folder import CheckpointFolder

with CheckpointFolder(Path(sys.argv[1]), metric="val_wer", save_top_k=1, resumed_from=None).lock():
    print(flush=True)
    time.sleep(60)
