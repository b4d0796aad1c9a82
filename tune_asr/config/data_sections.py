"""Section `data` under each built-in target: speech, and its batches."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from pydantic import Discriminator, Field, Tag, model_validator

from tune_asr.config.key_facts import INPUT_PATH, RULER, SEARCHED, KeyFacts
from tune_asr.config.schema import Count, FilePath, Int, Section, Seed, Share

# Of a built-in data section a search may vary only how the same speech is put into batches.
BATCHING = KeyFacts(not_searched=SEARCHED)
RULER_OF_ALL = KeyFacts(not_searched=RULER, custom_too=True)


class BatchKeys(Section):
    """Keys of every built-in `data.target`."""

    batch_size: Annotated[Count, BATCHING] = 16
    """Utterances per batch."""
    max_frames_in_batch: Annotated[Count | None, BATCHING] = None
    """Most feature frames (10 ms) per batch, with padding, at the lowest speed of `augment.speed`. It bounds memory for
    data of very different lengths. `batch_size` still applies; a longer utterance is a batch of its own."""
    bucketing: Annotated[bool, BATCHING] = True
    """Put utterances of similar length into one batch; false: shuffle freely, at the cost of more padding."""


class SyntheticRecipe(TypedDict):
    """Arguments of `speech.audio.synthetic.synthesize_corpus`, without the sample rate."""

    seed: int
    num_train: int
    num_val: int
    alphabet: str
    num_words: int
    words_per_utterance: tuple[int, int]
    noise: float


class SyntheticData(BatchKeys):
    """Speech made from a seed, the same on every machine."""

    target: Annotated[Literal["synthetic"], RULER_OF_ALL] = "synthetic"
    """Source of the speech: synthetic, manifest, or the dotted path of a LightningDataModule."""
    seed: Seed = 0
    """Seed of the speech. It is part of the ruler: trials of a search differ in the `seed` of the configuration."""
    batch_size: Annotated[Count, BATCHING] = 64
    """Utterances per batch; each lasts about a second."""
    num_train: Count = 384
    """Training utterances."""
    num_val: Count = 64
    """Validation utterances."""
    alphabet: Annotated[str, Field(min_length=2)] = "abcdefghijklmnopqrstuvwxyz"
    """Characters; each is an audible pattern of its own."""
    num_words: Annotated[Int, Field(ge=10)] = 400
    """Words in the lexicon; some occur in validation only."""
    min_words: Count = 2
    """Fewest words per utterance."""
    max_words: Count = 4
    """Most words per utterance."""
    noise: Annotated[float, Field(ge=0)] = 0.22
    """Standard deviation of the noise, relative to the voice's."""

    @model_validator(mode="after")
    def _order(self) -> SyntheticData:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words is {self.min_words}, but must be at most max_words, {self.max_words}")
        if len(set(self.alphabet)) < len(self.alphabet) or not self.alphabet.isalpha():
            raise ValueError(f"alphabet is {self.alphabet!r}, but must be letters, each of them once")
        return self

    def recipe(self) -> SyntheticRecipe:
        """Return the arguments of `synthesize_corpus`."""
        return {
            "seed": self.seed,
            "num_train": self.num_train,
            "num_val": self.num_val,
            "alphabet": self.alphabet,
            "num_words": self.num_words,
            "words_per_utterance": (self.min_words, self.max_words),
            "noise": self.noise,
        }


class HoldOutSection(Section):
    """Validation held out of `data.train`: the ruler, never searched."""

    hold_out: Annotated[float, Field(gt=0, lt=1)]
    """Share to hold out, met on average. Each row decides for itself, so added rows move no other."""
    by: Literal["speaker", "text", "random"] = "text"
    """Never on both sides: a speaker, or a text; random: each row is drawn by itself."""


class PairSection(Section):
    """Recordings and supervisions of lhotse, a manifest together."""

    recordings: FilePath
    """File of the recordings."""
    supervisions: FilePath
    """File of the supervisions, which name them."""


TAGS = ("a path", "a list", "a pair", "held out")


def _tag(value: Any) -> str:
    if isinstance(value, dict | Section):
        return TAGS[2]
    return TAGS[isinstance(value, list)]


def _val_tag(value: Any) -> str:
    is_pair = isinstance(value, PairSection) or (isinstance(value, dict) and set(value) & set(PairSection.model_fields))
    return TAGS[3] if isinstance(value, dict | Section) and not is_pair else _tag(value)


OnePath = Annotated[FilePath, Tag(TAGS[0])]
OnePair = Annotated[PairSection, Tag(TAGS[2])]
Several = Annotated[list[Annotated[OnePath | OnePair, Discriminator(_tag)]], Field(min_length=1), Tag(TAGS[1])]
AnyManifests = Annotated[OnePath | OnePair | Several, Discriminator(_tag)]
Manifests = str | PairSection | list[str | PairSection]


class ManifestData(BatchKeys):
    """Recordings listed in manifests.

    Manifests are files or directories of the formats that `configs/README.md` lists.
    """

    target: Annotated[Literal["manifest"], RULER_OF_ALL]
    """Source of the speech."""
    train: Annotated[AnyManifests, INPUT_PATH, KeyFacts(not_searched=RULER)]
    """Training manifest, a file or a directory, or `{recordings: FILE, supervisions: FILE}` of lhotse; or a list."""
    val: Annotated[
        OnePath | OnePair | Several | Annotated[HoldOutSection, Tag(TAGS[3])],
        Discriminator(_val_tag),
        INPUT_PATH,
        RULER_OF_ALL,
    ]
    """Validation manifest, or `{hold_out: 0.05, by: text}`: the ruler, never filtered and never searched."""
    test: Annotated[AnyManifests | None, INPUT_PATH, RULER_OF_ALL] = None
    """Test manifest: checked before a training, scored once, when a model is exported."""
    skip_bad: bool = False
    """Drop and record the rows that the data report names as bad; false: stop (exit 3)."""
    max_bad_fraction: Share = 0.05
    """skip_bad: largest share of bad rows in a manifest; above it, stop all the same."""
    max_seconds: Annotated[
        Annotated[float, Field(gt=0)] | None, KeyFacts(not_searched=SEARCHED, may_fail="data", other_data=True)
    ] = None
    """Longest training utterance in seconds; longer ones are dropped. Validation keeps all of its own."""


BuiltInData = SyntheticData | ManifestData
"""All built-in sources of speech, the default first."""
