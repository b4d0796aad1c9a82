"""The schema of a configuration: every key, its type, its default and what it means.

Each section is frozen and closed: an unknown key is an error. Under a dotted `target`, and in `trainer` and
`precision`, keys are passed through. The text under a field is its documentation. The sections with a `target` have
files of their own: `data_sections` and `model_sections`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from tune_asr.config.data_sections import ManifestData, SyntheticData
from tune_asr.config.mel_bins import max_mel_bins
from tune_asr.config.model_sections import BiGRUCTCModel, ConformerCTCModel, ConvCTCModel
from tune_asr.config.schema import (
    Count,
    CustomTarget,
    FilePath,
    Int,
    OpenSection,
    Section,
    Seed,
    Share,
    target_of,
)


class TextSection(Section):
    """What a reference is, and in which units it is learned. It is the ruler of a search and never searched."""

    case: Literal["lower", "upper", "keep"] = "lower"
    """Letter case."""
    punctuation: Literal["remove", "keep"] = "remove"
    """Punctuation and symbols; an apostrophe inside a word always stays."""
    digits: Literal["keep", "remove"] = "keep"
    """Digits."""
    unicode_form: Literal["NFC", "NFD", "NFKC", "NFKD"] = "NFKC"
    """Unicode normalisation form."""
    unit: Literal["char", "bpe"] = "char"
    """What a symbol of the model is: a character, or a word piece (byte-pair encoding: Sennrich et al., 2016), learned
    from the training references alone. WER and CER count words and characters under each."""
    vocab_size: Annotated[Int, Field(ge=3, le=65_536)] = 256
    """bpe: how many symbols, the blank among them."""

    def normaliser(self) -> dict[str, Any]:
        """The arguments of `speech.normalizer.TextNormalizer`."""
        return self.model_dump(exclude={"unit", "vocab_size"})


class FeaturesSection(Section):
    """Kaldi-compatible log-mel filter banks, 25 ms windows every 10 ms."""

    sample_rate: Annotated[Int, Field(ge=4000, le=48000)] = 8000
    """Hz; recordings at other rates are resampled to it."""
    num_mel_bins: Annotated[Int, Field(ge=8, le=128)] = 40
    """Mel filters."""
    max_cache_gb: Annotated[float, Field(ge=0, le=1e6)] = 8.0
    """Features are computed once and kept on this machine's disk where they take at most so many GB (10^9 bytes: an
    hour takes 0.06 at 40 mel bins); larger ones are computed anew in every epoch. 0: always anew."""

    @model_validator(mode="after")
    def _filters(self) -> FeaturesSection:
        most = max_mel_bins(self.sample_rate)
        if self.num_mel_bins > most:
            raise ValueError(
                f"num_mel_bins is {self.num_mel_bins}, but must be at most {most} at {self.sample_rate} Hz"
            )
        return self


class AugmentSection(Section):
    """What training makes of its speech, anew in each epoch; validation never.

    SpecAugment (Park et al., 2019), in torchaudio's names: off where n_freq_masks, n_time_masks and time_mask_rate
    are 0. Speed, gain and noise are each off at 0 of their one key.
    """

    n_freq_masks: Annotated[Int, Field(ge=0, le=65_536)] = 1
    """Frequency masks an utterance (m_F)."""
    freq_mask_param: Annotated[Int, Field(ge=0, le=65_536)] = 6
    """Widest frequency mask, in mel bins (F)."""
    n_time_masks: Annotated[Int, Field(ge=0, le=65_536)] = 1
    """Time masks an utterance (m_T)."""
    time_mask_param: Annotated[Int, Field(ge=0, le=65_536)] = 10
    """Widest time mask, in feature frames of 10 ms (T)."""
    p: Share = 0.1
    """Widest time mask as a share of the utterance (p)."""
    time_mask_rate: Annotated[float, Field(ge=0)] = 0.0
    """Time masks a second of speech, beside n_time_masks; no more than 20 in all (adaptive: Park et al., 2020)."""
    start_epoch: Count = 1
    """The first epoch with masks; epochs count from 1."""
    speed: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Largest change of speed: 0.1 is from a tenth slower to a tenth faster."""
    gain_db: Annotated[float, Field(ge=0)] = 0.0
    """An utterance's start and its end are up to so many dB louder or quieter, each by itself: loudness changes
    by up to twice as many in its course; a constant change would do nothing."""
    noise_p: Share = 0.0
    """Share of the utterances that get noise."""
    noise_snr_db: float = 10.0
    """The least that speech is louder than noise, in dB; at most it is 20 more."""
    noise_dir: FilePath | None = None
    """A folder with recordings of noise; null: white, pink and brown noise is made."""


class OptimizerSection(Section):
    """How weights follow gradients."""

    name: Literal["adamw"] = "adamw"
    """The optimiser (Loshchilov and Hutter, 2019)."""
    lr: Annotated[float, Field(gt=0)] = 3.0e-3
    """Peak learning rate."""
    weight_decay: Annotated[float, Field(ge=0)] = 1.0e-2
    """Decoupled weight decay (lambda) of matrices and kernels; biases and norms have none."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.98)
    """Decay rates of the moment estimates (beta_1, beta_2)."""
    lr_reference_batch: Count | None = None
    """Utterances an optimiser step that `lr` is meant for: at another number it is scaled by the square root of the
    ratio, so that rate and batch size can be searched together. null: `lr` is what it says."""
    encoder_lr_scale: Annotated[float, Field(gt=0)] = 1.0
    """The rate of all but the output layer, as a share of `lr`."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """checkpoint.weights: ema: the share of the average that a step keeps; less at the start."""

    @field_validator("betas", mode="before")
    @classmethod
    def _pair(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError("must be a list of two numbers")
        return tuple(value)


class SchedulerSection(Section):
    """How the learning rate moves over the full horizon, trainer.max_epochs: never over a rung."""

    name: Literal["constant", "cosine", "plateau", "one_cycle", "noam", "tri_stage"] = "cosine"
    """The shape behind the warm-up."""
    warmup_fraction: Share = 0.1
    """Share of the horizon over which the rate rises to its peak: linearly, one_cycle in half a cosine."""
    final_fraction: Share = 0.01
    """cosine, plateau, one_cycle and tri_stage: the lowest rate, as a share of the peak."""
    hold_fraction: Share = 0.4
    """tri_stage: share of the horizon at the peak, between warm-up and decay."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """plateau: what the rate is multiplied by."""
    patience: Annotated[Int, Field(ge=0)] = 2
    """plateau: epochs without a better objective that it lets pass; at the next one the rate falls."""

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
    """Arguments of Lightning's Trainer, and the number of threads."""

    max_epochs: Count = 24
    """The horizon: epochs of a full training, over which schedules run."""
    gradient_clip_val: Annotated[float, Field(ge=0)] | None = 5.0
    """Largest norm of the gradient."""
    accumulate_grad_batches: Count = 1
    """Batches an optimiser step."""
    num_threads: Annotated[Int, Field(ge=1, le=1024)] = 1
    """CPU threads of one training. It decides the last bits, so it is never taken from the machine."""


class PrecisionSection(OpenSection):
    """Arguments of Lightning's Trainer that concern number formats, and how exactly matrices are multiplied."""

    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format of weights and activations; the loss is float32 under each."""
    float32_matmul: Literal["highest", "high", "medium"] = "highest"
    """For `torch.set_float32_matmul_precision` in training: `high` is TF32. In validation it is `highest`."""


class EarlyStoppingSection(Section):
    """When a training ends before its horizon. In a search it is off unless the search asks for it."""

    enabled: bool = True
    """End when `objective` has not improved for `patience` epochs."""
    patience: Count = 10
    """Epochs in which `objective` has not improved."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """By more than this `objective` must fall to have improved: near WER 0.5, 0.01 is a point of WER."""
    stop_epoch: Count | None = None
    """End after this epoch whatever happens; schedules still span the horizon. `best.yaml` sets it for its winner."""


def _not_one(value: int) -> int:
    if value == 1:
        raise ValueError("must be 0, or 2 and more: one checkpoint is its own average")
    return value


class CheckpointSection(Section):
    """What is kept of a training."""

    dirpath: FilePath = "artifacts/checkpoints"
    """Folder of `train`'s checkpoints, relative to the working directory."""
    save_top_k: Count = 1
    """How many of the best are kept, beside the newest."""
    average_top_k: Annotated[Int, Field(ge=0), AfterValidator(_not_one)] = 0
    """How many of the best are averaged at the end of `train`; the average is kept where it validates better. 0: none.
    A search never does."""
    weights: Literal["raw", "ema"] = "raw"
    """Which weights are validated, and are the model of a checkpoint: the last, or their exponential moving average."""


class LoggingSection(Section):
    """Where curves go."""

    save_dir: FilePath = "artifacts/logs"
    """Folder of `train`'s logs, relative to the working directory."""
    tensorboard: bool = True
    """Write TensorBoard event files."""
    use_wandb: bool = False
    """Log to Weights & Biases as well; the key comes from its own login, never from a file here."""
    project: str = "tune_asr"
    """W&B project."""
    run_name: str | None = None
    """W&B run name."""


BUILT_IN: dict[str, tuple[type[Section], ...]] = {
    "data": (SyntheticData, ManifestData),
    "model": (ConvCTCModel, BiGRUCTCModel, ConformerCTCModel),
}


def _tag(section: str) -> Callable[[Any], str]:
    """Which member of a union a section is: the built-in target it names (the first where it names none) or custom."""
    built_in = [target_of(member) for member in BUILT_IN[section]]

    def tag(value: Any) -> str:
        values = value if isinstance(value, dict) else {"target": getattr(value, "target", built_in[0])}
        target = values.get("target", built_in[0])
        return target if target in built_in else "custom"

    return tag


DataSection = Annotated[
    Annotated[SyntheticData, Tag("synthetic")]
    | Annotated[ManifestData, Tag("manifest")]
    | Annotated[CustomTarget, Tag("custom")],
    Discriminator(_tag("data")),
]
ModelSection = Annotated[
    Annotated[ConvCTCModel, Tag("conv_ctc")]
    | Annotated[BiGRUCTCModel, Tag("bigru_ctc")]
    | Annotated[ConformerCTCModel, Tag("conformer_ctc")]
    | Annotated[CustomTarget, Tag("custom")],
    Discriminator(_tag("model")),
]


class Config(Section):
    """One training, whole: what `configs/*.yaml` may say."""

    seed: Seed = 17
    """Initial weights, batch order, dropout and masks; a search gives each trial its own."""
    data: DataSection = SyntheticData()
    """Training and validation speech."""
    text: TextSection = TextSection()
    features: FeaturesSection = FeaturesSection()
    augment: AugmentSection = AugmentSection()
    model: ModelSection = ConvCTCModel()
    """The encoder."""
    optimizer: OptimizerSection = OptimizerSection()
    scheduler: SchedulerSection = SchedulerSection()
    trainer: TrainerSection = TrainerSection()
    precision: PrecisionSection = PrecisionSection()
    early_stopping: EarlyStoppingSection = EarlyStoppingSection()
    checkpoint: CheckpointSection = CheckpointSection()
    logging: LoggingSection = LoggingSection()

    @property
    def initial_weights(self) -> Path | None:
        """File or folder of `model.init_from`; None from scratch and under a custom model."""
        model = self.model
        return None if isinstance(model, CustomTarget) or model.init_from is None else Path(model.init_from)

    @property
    def subsampling(self) -> int | None:
        """Feature frames to one output frame; None under a custom model."""
        return None if isinstance(self.model, CustomTarget) else self.model.subsampling
