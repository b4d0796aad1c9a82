"""tune_asr: hyperparameter search for CTC speech recognisers, on Ray Tune and PyTorch Lightning.

    search_spaces/lr.yaml + configs/train.yaml  ->  search  ->  results/lr/  ->  report, train, export

Doors, each a program (`python -m tune_asr.DOOR`, or `tune-asr DOOR`):

    search.py    a search space -> results/NAME
    train.py     one configuration -> one trained recogniser
    report.py    results/NAME -> what happened, how sure, what next
    export.py    results/NAME, or a checkpoint -> a recogniser that runs elsewhere, verified

Rooms, from the top down; imports point down, and `tests/test_architecture.py` keeps it so:

    tuning/      the only room that knows Ray: driver, conductor, ASHA, worker
    bundle/      the exported recogniser, and the checks that it is the same one
    training/    how a recogniser learns: features, batches, encoder, loss, schedules, `fit`. Never Ray
    record/      the results folder: ledger, checkpoints, ranking, statistics. Neither Ray nor torch
    space/       what search_spaces/*.yaml may say, checked against the configuration
    config/      what configs/*.yaml may say: typed, strict
    speech/      what was said: recordings, manifests, text, vocabulary, error counts. No torch
    errors.py    the errors a user can meet, each with its exit code

To read the whole story: search.py, tuning/driver.py, tuning/session.py, tuning/conductor.py, space/asha.py,
tuning/trainable.py, training/fit.py, training/epochs.py, training/ctc_module.py,
training/module.py.

Importing this package, or asking a door for help, loads nothing heavy: each door imports its room after the inputs are
known to be valid.
"""

__version__ = "0.2.0.dev0"
