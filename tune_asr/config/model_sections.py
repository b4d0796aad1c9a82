"""The section `model` under each built-in target: the encoders and their parameters."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tune_asr.config.schema import FilePath, Int, Section, Size, whole


class EncoderKeys(Section):
    """Keys that every built-in `model.target` has."""

    dim: Size = 96
    """Channels of every layer; bigru_ctc: units of each direction."""
    num_layers: Size = 5
    """Layers of the encoder, behind its subsampling."""
    subsampling: Annotated[Literal[1, 2, 4, 8], BeforeValidator(whole)] = 4
    """Feature frames (10 ms) an output frame. Higher is faster, until a transcript no longer fits its frames."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a channel is dropped in training."""
    init_from: FilePath | None = None
    """Weights to start from: a checkpoint of ours, a bundle's folder, or a model.safetensors beside its
    config.json. Symbols that the new vocabulary shares keep their scores. null: from scratch."""
    freeze_steps: Annotated[Int, Field(ge=0)] = 0
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


class ConvCTCModel(EncoderKeys):
    """Masked residual depthwise convolutions: no recurrence, exportable."""

    target: Literal["conv_ctc"] = "conv_ctc"
    """The encoder: conv_ctc, bigru_ctc, conformer_ctc, or the dotted path of a LightningModule."""
    kernel_size: KernelSize = 11
    """Frames a depthwise convolution spans; odd."""


class BiGRUCTCModel(EncoderKeys):
    """Bidirectional GRUs."""

    target: Literal["bigru_ctc"]
    """The encoder."""
    num_layers: Size = 2
    """Layers, each of a forward and a backward GRU."""


class ConformerCTCModel(EncoderKeys):
    """Attention and convolution."""

    target: Literal["conformer_ctc"]
    """The encoder."""
    num_layers: Size = 4
    """Conformer layers."""
    num_heads: Size = 4
    """Attention heads; they share the channels evenly."""
    ffn_dim: Size = 256
    """Width of the feed-forward modules."""
    kernel_size: KernelSize = 15
    """Frames a depthwise convolution spans; odd."""

    @model_validator(mode="after")
    def _heads(self) -> ConformerCTCModel:
        if self.dim % self.num_heads:
            raise ValueError(f"dim is {self.dim}, but must be a multiple of num_heads, {self.num_heads}")
        return self
