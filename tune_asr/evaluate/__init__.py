"""Door `evaluate`: a trained recogniser on a manifest, or on recordings.

    __main__.py      flags, checks of the paths; the course of an evaluation
    model.py         MODEL: a checkpoint, a results folder or a bundle -> a recogniser with its rules
    trained.py       recogniser of a checkpoint, by PyTorch; the one file with torch
    inputs.py        MANIFEST or AUDIO -> utterances
    own_test.py      the model's own test set, recognised and recorded
    decoding.py      utterances -> texts, in batches of similar length
    result.py        transcripts -> error rates, for programs
    tables.py        the same for people: worst utterances, speakers, two models compared

A bundle is run by `inference`, so neither torch nor Lightning is loaded for it. A checkpoint is validated as in its
training: same features, batches and number format, so on a CPU the error counts are those on record.

Must not import the other doors, nor Ray.
"""
