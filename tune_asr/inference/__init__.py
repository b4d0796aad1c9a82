"""Bundle -> texts, without torch.

    seal.py       files of a bundle: hashed, verified
    session.py    its model.onnx in onnxruntime

Imports neither torch nor Lightning, so a machine that only runs a bundle needs neither.
"""
