"""Sections about the course of a training."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from tune_asr.config.key_facts import HORIZON, NO_SETTING, KeyFacts, Need
from tune_asr.config.schema import Count, Int, OpenSection, Section, Share


def _needs(key: str, *values: str) -> KeyFacts:
    return KeyFacts(needs=Need(key, frozenset(values)))


_MACHINE = KeyFacts(not_searched=NO_SETTING, free_on_resume=True, in_cards=False)
"""A key that changes the time of a training, not its results."""


class OptimizerSection(Section):
    """Optimiser, and the rates of its parameter groups."""

    name: Literal["adamw"] = "adamw"
    """Optimiser (Loshchilov and Hutter, 2019)."""
    lr: Annotated[float, Field(gt=0)] = 3.0e-3
    """Peak learning rate."""
    weight_decay: Annotated[float, Field(ge=0)] = 1.0e-2
    """Decoupled weight decay (lambda) of matrices and kernels; biases and norms have none."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.98)
    """Decay rates of the moment estimates (beta_1, beta_2)."""
    lr_reference_batch: Count | None = None
    """Utterances per optimiser step for which `lr` is meant. At another number `lr` is scaled by the square root of the
    ratio, so that rate and batch size can be searched together. null: `lr` is used as it is."""
    encoder_lr_scale: Annotated[float, Field(gt=0)] = 1.0
    """Rate of all but the output layer, as a share of `lr`."""
    ema_decay: Annotated[float, Field(ge=0, lt=1), _needs("checkpoint.weights", "ema"), KeyFacts(built_in="any")] = (
        0.999
    )
    """checkpoint.weights: ema: share of the average that a step keeps; less at the start."""

    @field_validator("betas", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError("must be a list of two numbers")
        return tuple(value)


ScheduleName = Literal["constant", "cosine", "plateau", "one_cycle", "noam", "tri_stage"]


class SchedulerSection(Section):
    """Course of the learning rate over the full horizon.

    The horizon is `trainer.max_epochs`, never a rung.
    """

    name: ScheduleName = "cosine"
    """Shape after the warm-up."""
    warmup_fraction: Share = 0.1
    """Share of the horizon in which the rate rises to its peak: linearly; one_cycle: in half a cosine."""
    final_fraction: Annotated[Share, _needs("scheduler.name", "cosine", "plateau", "one_cycle", "tri_stage")] = 0.01
    """cosine, plateau, one_cycle and tri_stage: lowest rate, as a share of the peak."""
    hold_fraction: Annotated[Share, _needs("scheduler.name", "tri_stage")] = 0.4
    """tri_stage: share of the horizon at the peak, between warm-up and decay."""
    factor: Annotated[float, Field(gt=0, lt=1), _needs("scheduler.name", "plateau")] = 0.5
    """plateau: factor by which the rate falls."""
    patience: Annotated[Int, Field(ge=0), _needs("scheduler.name", "plateau")] = 2
    """plateau: epochs without a better objective before the rate falls at the next one."""

    @model_validator(mode="after")
    def _end(self) -> SchedulerSection:
        if self.name == "tri_stage" and self.final_fraction == 0:
            raise ValueError("final_fraction is 0, but must be above 0 for tri_stage, which falls exponentially")
        if self.name == "tri_stage" and self.warmup_fraction + self.hold_fraction >= 1:
            raise ValueError(
                f"warmup_fraction is {self.warmup_fraction} and hold_fraction {self.hold_fraction}, but their sum must "
                "be below 1 for tri_stage, which falls in what is left"
            )
        return self


class TrainerSection(OpenSection):
    """Arguments of Lightning's Trainer, and keys of our own."""

    max_epochs: Annotated[Count, KeyFacts(not_searched=HORIZON)] = 24
    """Horizon: epochs of a full training, over which schedules run."""
    gradient_clip_val: Annotated[float, Field(ge=0)] | None = 5.0
    """Largest norm of the gradient."""
    accumulate_grad_batches: Count = 1
    """Batches per optimiser step."""
    num_threads: Annotated[Int, Field(ge=1, le=1024)] = 1
    """CPU threads of one training. They decide the last bits, so the number is never taken from the machine."""
    cuda_graphs: Annotated[Literal["auto", "off"], _MACHINE] = "off"
    """auto: replay the training steps of a built-in model as CUDA graphs on a GPU, each shape captured once; losses are
    equal but for rounding. It has no effect on a CPU, and a custom class runs without."""
    corpus_on_device: Annotated[Literal["auto", "off"], _MACHINE] = "off"
    """auto: keep the features of built-in data on the GPU if they fit in a quarter of its free memory; a batch is then
    gathered there. The results are the same."""


class PrecisionSection(OpenSection):
    """Number formats, and the precision of matrix products."""

    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format of weights and activations; the loss is float32 under each."""
    float32_matmul: Literal["highest", "high", "medium"] = "highest"
    """Argument of `torch.set_float32_matmul_precision` in training: `high` is TF32. In validation it is `highest`."""


class EarlyStoppingSection(Section):
    """End of a training before its horizon.

    In a search it is off unless the search asks for it.
    """

    enabled: bool = True
    """End after `patience` epochs without a better `objective`."""
    patience: Count = 10
    """Epochs without a better `objective`."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """Minimum decrease of `objective` that counts as an improvement; near WER 0.5, 0.01 is one point of WER."""
    stop_epoch: Count | None = None
    """End after this epoch in any case; schedules still span the horizon. `best.yaml` sets it for its winner."""
