"""Encoders: log-mel features -> log-probabilities of CTC symbols.

All of them keep the contract of `Encoder`; each has a file of its own:

    encoder.py         the contract, and what all share: normalisation, masks, subsampling, scores
    without_cudnn.py   the convolutions of all of them on a GPU
    conv.py            conv_ctc        residual depthwise convolutions
    bigru.py           bigru_ctc       bidirectional GRUs
    conformer.py       conformer_ctc   attention and convolution
"""

from collections.abc import Mapping

from tune_asr.training.encoders.bigru import BiGRUCTC
from tune_asr.training.encoders.conformer import ConformerCTC
from tune_asr.training.encoders.conv import ConvCTC
from tune_asr.training.encoders.encoder import Encoder, normalise

__all__ = ["ENCODERS", "BiGRUCTC", "ConformerCTC", "ConvCTC", "Encoder", "normalise"]

ENCODERS: Mapping[str, type[Encoder]] = {"conv_ctc": ConvCTC, "bigru_ctc": BiGRUCTC, "conformer_ctc": ConformerCTC}
