"""Hyperparameter search for CTC speech recognisers, on Ray Tune and PyTorch Lightning.

    search_spaces/lr.yaml + configs/train.yaml  ->  search  ->  results/lr/  ->  report, train, export, evaluate

Doors. Each is a program, `python -m tune_asr.DOOR` or `tune-asr DOOR`, and owns the code that only it needs:

    __main__.py   tune-asr: one name for all doors
    search/       search space -> results/NAME; driver, conductor, progress
      ray/        the only place that imports Ray: cluster, session, executor, worker
    train/        one configuration -> one trained recogniser
    report/       results/NAME -> what happened, how sure, what next; terminal, and HTML in html/
    export/       results/NAME, or a checkpoint -> a verified bundle
    evaluate/     checkpoint, results/NAME or bundle, and a manifest -> its error rates; recordings -> texts
    bundle/       name of export/ in release 0.1.0, which its model cards give

Rooms below them. Imports point down, and `tests/test_architecture.py` checks it:

    training/     training of a recogniser: data, features/, augment/, encoders/, graphs/, callbacks/, loss. Never Ray
    record/       results folder: ledger, events, checkpoints, ranking. Neither Ray nor torch
    inference/    bundle -> texts, by numpy and onnxruntime. No torch
    corpus/       configuration and speech -> the data of a training. No torch
    space/        search spaces, and ASHA as pure functions
    config/       schema of configs/*.yaml; the properties of a key stand on the key
    speech/       manifest/, survey/, text/, audio/. No torch
    scoring/      error counts, alignment, intervals, WER or CER
    storage/      files replaced whole, folders renamed into place, locks
    errors.py     errors a user can meet, each with its exit code
    wording.py    numbers and values as text for people

Where to change what. Tests are in the same rooms below tests/:

    a distribution of a search space     space/distributions.py, search_spaces/README.md
    a column of leaderboard.csv          record/leaderboard.py, results/README.md
    a column of the shown leaderboard    report/leaderboard_table.py, for terminal and HTML
    a condition (`when`) of a key        space/when.py, space/conditions.py, search_spaces/README.md
    an encoder                           a file in training/encoders/ and its name in training/encoders/__init__.py,
                                         config/model_sections.py, configs/train.yaml, configs/README.md
    an event of the ledger               record/events.py, record/trial.py, results/README.md
      written                            search/conductor.py; its start and end in search/ray/session.py
      shown while the search runs        search/progress.py
    a key of the data report as JSON     speech/survey/facts.py, configs/README.md
    a key of a configuration             its section in config/, configs/train.yaml, configs/README.md
    a section of the report              a file in report/ that yields its lines, and its place in report/terminal.py
                                         and report/html/page.py
    a gauge for Prometheus               search/ray/gauges.py, configs/cluster/grafana.json and README.md
    a figure of the HTML report          report/html/page.py, and a file beside it

Glossary, one word for one thing:

    ledger        trials.jsonl, append-only: the record of a search
    event         one line of the ledger
    trial         one setting of a search, numbered from 00000
    report        the scores of one epoch of a trial
    checkpoint    the saved state of a training at the end of an epoch; intact if it has the hashes of its manifest
    plan          the space of a search over its base
    extent        number of trials and horizon, on record as the event `plan`
    rung          an epoch at which trials pause, or are judged
    verdict       what a rung makes of a trial: it goes on, waits or ends
    wave          trials begun together; those worth it are trained to the end before the next wave
    stage         trials of one horizon, compared with each other; a longer horizon begins another
    base          the configuration that a space varies; trial 00000, never pruned
    slot          a place for one running trial
    survey        the check of recordings and transcripts before training
    fingerprint   a hash of the data; trials are compared only if it is equal
    custom        a class given by a dotted path in `model.target` or `data.target`

To follow a search through the code, read search/__main__.py, search/driver.py, space/plan.py, search/ray/session.py,
search/ray/executor.py, search/conductor.py, search/turns.py, search/verdicts.py, space/asha.py, search/proposing.py,
space/proposals.py, record/events.py, record/state.py, search/ray/worker.py, training/fit.py, training/ctc_module.py.
For a single training, begin at train/__main__.py and train/standalone.py.

Importing this package loads nothing heavy. Each door imports its room after the inputs are known to be valid.
"""

__version__ = "0.2.0.dev0"
