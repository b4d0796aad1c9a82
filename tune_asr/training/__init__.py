"""How a recogniser learns: from a checked configuration to a validated epoch and its checkpoint.

    fit.py           one training: data, module, Lightning's Trainer, and a report at the end of every epoch
    ctc_module.py    CTCModule: the loss, the decoding and the error counts of any network, a user's own too
    module.py        SimpleCTCModule: a CTCModule around a built-in encoder, with its augmentation and optimiser
    encoders/        conv_ctc, bigru_ctc, conformer_ctc: features (N, T, C) -> log-probabilities (N, T', V)
    corpus.py        the corpus that the configuration names, looked at without torch
    speech.py        that corpus with its features and tokens, shared by the trainings of a process;
    data.py          the LightningDataModule over it
    epochs.py        what an epoch came to;   epoch_report.py  the Lightning callback that says so
    trainer.py       Lightning's Trainer as the configuration asks for it;   loggers.py  where curves go
    checkpoints.py   a checkpoint as a file;   resuming.py  whether it can be resumed
    standalone.py    a training as `tune_asr.train` runs it;   checkpoint_folder.py  the checkpoints that it keeps;
    checkpoint_average.py  the mean of the best of them
    validation.py    weights validated again;   bar.py  how far an epoch is;   samples.py  what is heard, each epoch
    initial.py       weights to start from
    ctc.py           the loss over feasible utterances, greedy decoding
    features.py      Kaldi log-mel;   feature_store.py  computed once, shared by all trials of a machine;
    feature_sources.py  many at a time for a store, or each when it is wanted
    noise_recordings.py  noise, read as far as it is heard
    batching.py      batches of similar length;   augment.py  SpecAugment;   perturb.py  speed, gain, noise
    optimizer.py     what decays, and the rate for a batch;   schedules.py  learning rates over the full horizon
    averaging.py     a moving average of the weights;   precision.py  number formats
    probe.py         the longest batch, tried on a GPU before training
    metrics.py       WER and CER for anybody's LightningModule
    seeding.py       randomness out of (seed, epoch, item), never out of the state of a process
    targets.py       a user's own classes by dotted path;   workers.py  which worker processes they may load with

torch and Lightning live here; Ray never does: a search and `tune_asr.train` run the same `fit`.
"""
