"""Configuration of a training that takes seconds and begins to speak in its second epoch."""

QUICK = {
    "data": {
        "num_train": 56,
        "num_val": 12,
        "max_words": 2,
        "alphabet": "abcdef",
        "num_words": 30,
        "noise": 0.0,
        "batch_size": 8,
    },
    "model": {"dim": 24, "num_layers": 2, "kernel_size": 5},
    "optimizer": {"lr": 0.03},
    "trainer": {"max_epochs": 4},
}
