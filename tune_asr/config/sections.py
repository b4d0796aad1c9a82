"""Schema of a configuration, key by key.

Sections are frozen and closed: an unknown key is an error. Under a dotted `target`, and in `trainer` and `precision`,
further keys are passed through. The text under a field is its documentation; `KeyFacts` beside its type are what the
key means to the rest of the program.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Union, get_args

from pydantic import AfterValidator, Discriminator, Field, GetCoreSchemaHandler, Tag
from pydantic_core import CoreSchema

from tune_asr.config.data_sections import BuiltInData, SyntheticData
from tune_asr.config.key_facts import ENDS, NO_SETTING, RULER, KeyFacts
from tune_asr.config.model_sections import BuiltInModel, ConvCTCModel
from tune_asr.config.schema import Count, CustomTarget, FilePath, Int, Section, Seed, Weights, target_of
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
    weights: Annotated[Weights, KeyFacts(not_searched=RULER, fixed_on_resume=True)] = "raw"
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


BUILT_IN: dict[str, tuple[type[Section], ...]] = {"data": get_args(BuiltInData), "model": get_args(BuiltInModel)}
"""Built-in sections by name, the default first."""


class _ByTarget:
    """Choice among the members of a union by `target`.

    The members are the built-in sections, the default first, and `CustomTarget`.
    """

    def __get_pydantic_core_schema__(self, union: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        custom = "custom"
        tags = {member: custom if member is CustomTarget else target_of(member) for member in get_args(union)}
        default = next(iter(tags.values()))

        def tag(value: Any) -> str:
            target = value.get("target", default) if isinstance(value, dict) else getattr(value, "target", default)
            return target if target in tags.values() else custom

        members = tuple(Annotated[member, Tag(name)] for member, name in tags.items())
        tagged: Any = Union[members]  # noqa: UP007, the members are known at run time only
        return handler.generate_schema(Annotated[tagged, Discriminator(tag)])


DataSection = Annotated[BuiltInData | CustomTarget, _ByTarget()]
ModelSection = Annotated[BuiltInModel | CustomTarget, _ByTarget()]
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
    logging: Annotated[LoggingSection, KeyFacts(not_searched=NO_SETTING, free_on_resume=True)] = LoggingSection()

    def with_text(self, **values: str | int) -> Config:
        """Return the configuration with other values in `text`."""
        return self.model_copy(update={"text": self.text.model_copy(update=values)})

    @property
    def custom_sections(self) -> frozenset[str]:
        """Sections with a custom class, of `data` and `model`."""
        return frozenset(name for name in BUILT_IN if isinstance(getattr(self, name), CustomTarget))

    @property
    def noise_dir(self) -> Path | None:
        """Path in `augment.noise_dir`; None under a custom model."""
        folder = None if isinstance(self.model, CustomTarget) else self.augment.noise_dir
        return Path(folder) if folder else None

    @property
    def initial_weights(self) -> Path | None:
        """Path in `model.init_from`; None under a custom model."""
        model = self.model
        return None if isinstance(model, CustomTarget) or model.init_from is None else Path(model.init_from)

    @property
    def subsampling(self) -> int | None:
        """Feature frames per output frame; None under a custom model."""
        return None if isinstance(self.model, CustomTarget) else self.model.subsampling
