"""Lightning callbacks of a training, in running order.

    (LearningRateMonitor)   Lightning's own: the learning rate of each epoch as a curve
    matmul_precision.py     MatmulPrecision: exactness of float32 products in training steps
    ema.py                  WarmingAverage: moving average of the weights
    fresh_workers.py        FreshWorkers: no worker process of a DataLoader outlives an epoch
    same_batches.py         SameBatches: as many batches an epoch as before a resume
    probe.py                LongestBatchProbe: forward and backward pass of the largest batch, on a GPU
    capture.py              Capture: CUDA graphs of the steps, given up at the end
    signs_of_life.py        SignsOfLife: a sign to the driver between two reports of a trial
    bar.py                  EpochBar: progress bar on a terminal
    samples.py              Samples: some hypotheses as text in the loggers
    epoch_report.py         EpochReport: result and checkpoint of each epoch
    build.py                builds all of these for one training

Callbacks of each hook, in this order. The checkpoint is saved by the last one, so it holds the work of all others:

    setup                       WarmingAverage
    on_load_checkpoint          WarmingAverage, EpochReport
    load_state_dict             WarmingAverage, SameBatches, EpochReport
    on_train_start              LearningRateMonitor, FreshWorkers, SameBatches, LongestBatchProbe, Capture, EpochReport
    on_train_epoch_start        LearningRateMonitor, EpochBar, EpochReport
    on_train_batch_start        LearningRateMonitor, MatmulPrecision, EpochReport
    on_train_batch_end          MatmulPrecision, WarmingAverage, SameBatches, SignsOfLife, EpochBar, EpochReport
    on_validation_start         EpochBar, EpochReport
    on_validation_epoch_start   WarmingAverage
    on_validation_batch_start   EpochReport
    on_validation_batch_end     SignsOfLife, EpochReport
    on_validation_epoch_end     WarmingAverage
    on_validation_end           Samples, EpochReport
    state_dict                  WarmingAverage, SameBatches, EpochReport
    on_save_checkpoint          WarmingAverage, EpochReport
    on_train_epoch_end          WarmingAverage
    on_train_end                WarmingAverage, Capture
    on_exception                MatmulPrecision, Capture

A callback with a state has an explicit `state_key`, a constant of `training.checkpoints`: it is part of the file
format. Callbacks may import any module of `training/` but `fit`, `trainer` and `resuming`.
"""
