"""Door `train`: trains one recogniser from one configuration.

    __main__.py             flags, checks of configuration and data, the JSON line
    dry_run.py              the checks alone, and the data report as text or JSON
    standalone.py           the training, from its set-up to its result
    epoch_log.py            its sink: a checkpoint and a line per epoch
    conclusion.py           the best epoch, or the average of several;   trained.py  the result as a value
    closing.py              the table at the end, and the file with the errors of each utterance
    command.py              the commands shown to the user
    checkpoint_folder.py    the checkpoints that are kept
    checkpoint_average.py   the average of the best checkpoints
    validation.py           a validation pass outside of a training

Must not import the other doors, nor Ray. `__main__` imports torch after the inputs are checked.
"""
