"""Door `export`: a trained recogniser becomes a verified bundle.

    __main__.py        flags, checks of the paths
    recorded.py        a checkpoint with its record
    build.py           the export: models, checks, card, config.json
    onnx_model.py      encoder -> model.onnx, and the session that runs it
    weights.py         model.safetensors, and the LightningModule loaded from it
    parity.py          PyTorch against onnxruntime, batched and one by one
    sherpa.py          sherpa-onnx on the same recordings, in a process of its own (sherpa_client.py)
    agreement.py       comparison of the texts of two programs; ties are no disagreement
    checks.py          every check, as sentences for the card
    scores.py          error rates with their interval;   test_set.py  those of the test manifest
    facts.py           all facts of a bundle: config.json;   card.py  README.md, the model card

The model normalises mean and variance itself, so its input is plain Kaldi log-mel, as `training.features` and
sherpa-onnx both compute it.

Must not import the other doors, nor Ray. `__main__` does without torch.
"""
