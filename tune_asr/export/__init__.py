"""The exported recogniser, and the checks that it is the same one. Never Ray, and nothing of a results folder.

    build.py          a checkpoint -> a folder that has passed every check, or a refusal and no folder
    recorded.py       the checkpoint, and what is on record of it: configuration, error rates, data
    onnx_model.py     encoder -> model.onnx, and the session that runs it
    agreement.py      what two programs made of the same utterances, compared; ties told from disagreement
    validation.py     PyTorch and onnxruntime over the validation set, batched and one by one
    sherpa.py         sherpa-onnx over the same recordings, in a process of its own (`sherpa_client.py`)
    scores.py         error rates with their interval;   test_data.py  the test manifest, scored once
    seal.py           the files of a bundle: hashed, verified
    weights.py        model.safetensors: written, and loaded again as a LightningModule
    facts.py          what config.json says;   card.py  README.md, the model card

Mean and variance are normalised inside the model, so its input is plain Kaldi log-mel, as `training.features` and
sherpa-onnx both compute it.
"""
