"""Schema of a configuration, key by key.

Sections are frozen and closed: an unknown key is an error. Under a dotted `target`, and in `trainer` and `precision`,
further keys are passed through. The text under a field is its documentation; `KeyFacts` beside its type are what the
key means to the rest of the program.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from tune_asr.config.data_sections import ManifestData, SyntheticData
from tune_asr.config.key_facts import ENDS, NO_SETTING, RULER, KeyFacts
from tune_asr.config.model_sections import BiGRUCTCModel, ConformerCTCModel, ConvCTCModel
from tune_asr.config.schema import Count, CustomTarget, FilePath, Int, Section, Seed, target_of
from tune_asr.config.speech_sections import AugmentSection, FeaturesSection, TextSection
from tune_asr.config.training_sections import (
    EarlyStoppingSection,
    OptimizerSection,
    PrecisionSection,
    SchedulerSection,
    TrainerSection,
)


def _not_one(value: int) -> int:
    if value == 1:
        raise ValueError("must be 0, or 2 and more: one checkpoint is its own average")
    return value


class CheckpointSection(Section):
    """Checkpoints of a training."""

    dirpath: FilePath = "artifacts/checkpoints"
    """Folder of `train`'s checkpoints, relative to the working directory."""
    save_top_k: Count = 1
    """Best checkpoints to keep; the newest is kept as well."""
    average_top_k: Annotated[Int, Field(ge=0), AfterValidator(_not_one)] = 0
    """Best checkpoints to average at the end of `train`; the average is kept if it validates better. 0: none. A search
    never averages."""
    weights: Annotated[Literal["raw", "ema"], KeyFacts(not_searched=RULER, fixed_on_resume=True)] = "raw"
    """Weights that are validated and are the model of a checkpoint: the last, or their exponential moving average."""


class LoggingSection(Section):
    """Logs of a training."""

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
    """Return the discriminator of a section's union.

    It maps a section to its built-in target, by default the first one, or to `custom`.
    """
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
MAY_FAIL = KeyFacts(may_fail="setting")


class Config(Section):
    """Configuration of one training: the content of `configs/*.yaml`."""

    seed: Seed = 17
    """Seed of initial weights, batch order, dropout and masks; a search gives each trial its own."""
    data: Annotated[DataSection, MAY_FAIL, KeyFacts(not_searched=RULER)] = SyntheticData()
    """Training and validation speech."""
    text: Annotated[TextSection, KeyFacts(not_searched=RULER)] = TextSection()
    features: Annotated[FeaturesSection, KeyFacts(may_fail="data", built_in="data")] = FeaturesSection()
    augment: Annotated[AugmentSection, MAY_FAIL, KeyFacts(built_in="model")] = AugmentSection()
    model: Annotated[ModelSection, MAY_FAIL, KeyFacts(defines_weights=True, fixed_on_resume=True)] = ConvCTCModel()
    """Encoder."""
    optimizer: Annotated[OptimizerSection, MAY_FAIL, KeyFacts(built_in="model", fixed_on_resume=True)] = (
        OptimizerSection()
    )
    scheduler: Annotated[SchedulerSection, MAY_FAIL] = SchedulerSection()
    trainer: Annotated[TrainerSection, MAY_FAIL] = TrainerSection()
    precision: Annotated[PrecisionSection, MAY_FAIL] = PrecisionSection()
    early_stopping: Annotated[EarlyStoppingSection, KeyFacts(not_searched=ENDS)] = EarlyStoppingSection()
    checkpoint: Annotated[CheckpointSection, KeyFacts(not_searched=NO_SETTING)] = CheckpointSection()
    logging: Annotated[LoggingSection, KeyFacts(not_searched=NO_SETTING)] = LoggingSection()

    @property
    def initial_weights(self) -> Path | None:
        """Path in `model.init_from`; None under a custom model."""
        model = self.model
        return None if isinstance(model, CustomTarget) or model.init_from is None else Path(model.init_from)

    @property
    def subsampling(self) -> int | None:
        """Feature frames per output frame; None under a custom model."""
        return None if isinstance(self.model, CustomTarget) else self.model.subsampling
