"""Start and end two runs of W&B; print each with the news that it brought."""

import sys
from pathlib import Path

from tune_asr.config.sections import LoggingSection
from tune_asr.training.loggers import TrialRun, close, make_loggers
from tune_asr.training.wandb_run import news

section = LoggingSection(use_wandb=True, tensorboard=False)
for number in ("00000", "00001"):
    loggers = make_loggers(section, Path(sys.argv[1]), name="t", trial=TrialRun("lr", number, {}))
    loggers[0].log_metrics({"val_wer": 0.5}, step=1)
    print(number, news(), flush=True)
    close(loggers)
