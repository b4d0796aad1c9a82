"""Bundle -> texts, without torch.

    seal.py          files of a bundle: hashed, verified
    recogniser.py    recordings -> texts
    session.py       its model.onnx in onnxruntime
    filter_bank.py   Kaldi's log-mel features by numpy;   resampling.py  other rates

Imports neither torch nor Lightning, so a machine that only runs a bundle needs neither.
"""
