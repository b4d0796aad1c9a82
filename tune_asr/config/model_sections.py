"""Section `model` under each built-in target: encoders and their parameters."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tune_asr.config.key_facts import INPUT_PATH, KeyFacts
from tune_asr.config.schema import FilePath, Int, Section, Size, whole

NOT_BUILT_WITH = KeyFacts(is_argument=False, defines_weights=False)


class EncoderKeys(Section):
    """Keys of every built-in `model.target`."""

    dim: Size = 96
    """Channels of every layer; bigru_ctc: units of each direction."""
    num_layers: Size = 5
    """Layers of the encoder, after its subsampling."""
    subsampling: Annotated[Literal[1, 2, 4, 8], BeforeValidator(whole)] = 4
    """Feature frames (10 ms) per output frame. Higher is faster, until a transcript no longer fits its frames."""
    dropout: Annotated[float, Field(ge=0, lt=1), KeyFacts(defines_weights=False, fixed_on_resume=False)] = 0.1
    """Probability that a channel is dropped in training."""
    init_from: Annotated[FilePath | None, INPUT_PATH, NOT_BUILT_WITH, KeyFacts(fixed_on_resume=False)] = None
    """Weights to start from: a checkpoint of train or search, a bundle's folder, or a model.safetensors beside its
    config.json. Symbols that the new vocabulary shares keep their scores. null: from scratch."""
    freeze_steps: Annotated[Int, Field(ge=0), NOT_BUILT_WITH, KeyFacts(in_cards=False)] = 0
    """Optimiser steps in which the output layer alone learns."""

    @model_validator(mode="after")
    def _frozen(self) -> Self:
        if self.freeze_steps and self.init_from is None:
            raise ValueError(
                f"freeze_steps is {self.freeze_steps}, but must be 0 without init_from: a frozen encoder must have "
                "learned something"
            )
        return self


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd, so that a frame has as many neighbours on either side")
    return value


KernelSize = Annotated[Size, AfterValidator(_odd)]
TARGET = KeyFacts(is_argument=False)


class ConvCTCModel(EncoderKeys):
    """Masked residual depthwise convolutions: no recurrence, exportable."""

    target: Annotated[Literal["conv_ctc"], TARGET] = "conv_ctc"
    """Encoder: conv_ctc, bigru_ctc, conformer_ctc, or the dotted path of a LightningModule."""
    kernel_size: KernelSize = 11
    """Frames that a depthwise convolution spans; odd."""


class BiGRUCTCModel(EncoderKeys):
    """Bidirectional GRUs."""

    target: Annotated[Literal["bigru_ctc"], TARGET]
    """Encoder."""
    num_layers: Size = 2
    """Layers, each of a forward and a backward GRU."""


class ConformerCTCModel(EncoderKeys):
    """Attention and convolution."""

    target: Annotated[Literal["conformer_ctc"], TARGET]
    """Encoder."""
    num_layers: Size = 4
    """Conformer layers."""
    num_heads: Size = 4
    """Attention heads; they share the channels evenly."""
    ffn_dim: Size = 256
    """Width of the feed-forward modules."""
    kernel_size: KernelSize = 15
    """Frames that a depthwise convolution spans; odd."""

    @model_validator(mode="after")
    def _heads(self) -> ConformerCTCModel:
        if self.dim % self.num_heads:
            raise ValueError(f"dim is {self.dim}, but must be a multiple of num_heads, {self.num_heads}")
        return self


BuiltInModel = ConvCTCModel | BiGRUCTCModel | ConformerCTCModel
"""All built-in encoders, the default first."""
