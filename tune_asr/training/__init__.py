"""Training: from a checked configuration to validated epochs and checkpoints.

    fit.py              one training: data, module, callbacks, Lightning's Trainer. Read this first
    prepare.py          module of a training, with its first weights
    epochs.py           results of epochs, their order, and the rules that end a training
    callbacks/          Lightning callbacks, in running order; the last one reports each epoch
    alone.py            one process, whatever a batch system's variables claim
    wandb_run.py        Weights & Biases, within some seconds
    trainer.py          Lightning's Trainer
    measured.py         scores that the Trainer holds after a validation;   step_losses.py  losses of an epoch's steps
    decoding_time.py    real-time factor of the first validation;   size.py  number of parameters without a training
    timing.py           cost of a setting, from a few real steps
    device.py           GPU of a training: is it there, does this torch support it
    card.py             failures of a GPU;   memory.py  its memory, and the limit of a trial's

    ctc_module.py       CTCModule: loss, decoding and error counts of any network, a custom one too
    module.py           SimpleCTCModule: a CTCModule around a built-in encoder, with augmentation and optimiser
    encoders/           conv_ctc, bigru_ctc, conformer_ctc: features (N, T, C) -> log-probabilities (N, T', V)
    graphs/             CUDA graphs of training steps, off by default
    ctc.py              CTC loss of feasible utterances, greedy decoding
    outcome.py          decoded utterances of a validation
    optimizer.py        AdamW;   schedules.py  learning rates over the whole horizon;   precision.py  number formats

    data.py             TrainingData and the LightningDataModule of built-in data
    shared_speech.py    corpus with features and tokens, shared by the trainings of a process
    device_corpus.py    features of a corpus on the device, off by default
    features/           log-mel features, kept on disk and shared by the trainings of a machine
    batching.py         batches of similar length
    augment/            SpecAugment, speed, gain and noise

    checkpoints.py      content of checkpoints, those of earlier releases too
    resuming.py         comparison of a checkpoint with the training that resumes it
    initial.py          initial weights;   settings.py  settings under which weights were trained
    loggers.py          TensorBoard and Weights & Biases
    targets.py          custom classes, by dotted path
    seeding.py          seeds derived from (seed, epoch, item), never from the state of a process
    metrics.py          WER and CER for any LightningModule: a public utility, which nothing here needs

The search and `train` run the same `fit`. torch and Lightning belong here, Ray never does. Nothing here imports a door
or `record/`.
"""
