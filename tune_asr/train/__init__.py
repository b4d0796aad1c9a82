"""Door `train`: trains one recogniser from one configuration.

    __main__.py             flags, checks of configuration and data, the JSON line
    standalone.py           the training: a line per epoch, checkpoints, the result
    trained.py              the result as a value
    closing.py              the table at the end, and the file with the errors of each utterance
    epoch_lines.py          the lines of a running training
    command.py              the commands shown to the user
    checkpoint_folder.py    the checkpoints that are kept
    checkpoint_average.py   the average of the best checkpoints
    validation.py           a validation pass outside of a training

Must not import the other doors, nor Ray. `__main__` imports torch after the inputs are checked.
"""
