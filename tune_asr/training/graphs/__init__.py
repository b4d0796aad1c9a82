"""CUDA graphs of training steps: one launch instead of hundreds.

    cache.py      Graphs: an encoder's captured shapes, and when to capture another
    captured.py   scores and gradients of one shape, over buffers that stay
    shapes.py     few numbers of frames, for encoders that do not see padding
    backend.py    recording of a function; the only lines here that call torch.cuda

The encoder is captured, forwards and backwards. The rest of a step is not:

    augmentation          its draws come from the CPU's generator, and decide shapes
    CTC loss              torch copies its lengths to the device in each call, and waits
    clipping and AdamW    a few launches each; the schedule sets another rate for each step, and the scaler of 16-mixed
                          decides on the host if a step is taken
    validation            its gradient-free pass has half the launches, and its lengths seldom recur

Gradients are added to buffers that stay, so accumulation, clipping and the scaler find them in `grad` as ever. Weights,
their moving average and checkpoints are what they are without graphs.

Nothing here imports the module, callbacks or data of a training.
"""
