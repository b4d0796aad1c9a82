"""The section `data` under each built-in target: which speech there is, and how it is put into batches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from tune_asr.config.schema import (
    Count,
    FilePath,
    Int,
    Section,
    Seed,
    Share,
)


class BatchKeys(Section):
    """Keys that every built-in `data.target` has."""

    batch_size: Count = 16
    """Utterances a batch."""
    max_frames_in_batch: Count | None = None
    """Most feature frames (10 ms) a batch, padding included, at the slowest that `augment.speed` makes them: it bounds
    memory where lengths differ much. `batch_size` holds as well; an utterance that is longer by itself is a batch of
    its own."""
    bucketing: bool = True
    """Put utterances of similar length into one batch; false: shuffle freely, and pay for the padding."""


class SyntheticData(BatchKeys):
    """Speech made on the fly from a seed: no files, the same on every machine."""

    target: Literal["synthetic"] = "synthetic"
    """Where the speech comes from: synthetic, manifest, or the dotted path of a LightningDataModule."""
    seed: Seed = 0
    """Which speech is made. It is part of the ruler: the trials of a search differ in `seed`, not here."""
    batch_size: Count = 64
    """Utterances a batch; they are about a second long."""
    num_train: Count = 384
    """Training utterances."""
    num_val: Count = 64
    """Validation utterances."""
    alphabet: Annotated[str, Field(min_length=2)] = "abcdefghijklmnopqrstuvwxyz"
    """The characters; each is an audible pattern of its own."""
    num_words: Annotated[Int, Field(ge=10)] = 400
    """Words in the lexicon; some stand in validation alone."""
    min_words: Count = 2
    """Fewest words an utterance."""
    max_words: Count = 4
    """Most words an utterance."""
    noise: Annotated[float, Field(ge=0)] = 0.22
    """Standard deviation of the noise, relative to the voice's."""

    @model_validator(mode="after")
    def _order(self) -> SyntheticData:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words is {self.min_words}, but must be at most max_words, {self.max_words}")
        if len(set(self.alphabet)) < len(self.alphabet) or not self.alphabet.isalpha():
            raise ValueError(f"alphabet is {self.alphabet!r}, but must be letters, each of them once")
        return self

    def recipe(self) -> dict[str, Any]:
        """The arguments of `speech.synthetic.synthesize_corpus`, but for the sample rate."""
        names = {"seed", "num_train", "num_val", "alphabet", "num_words", "noise"}
        return {**self.model_dump(include=names), "words_per_utterance": (self.min_words, self.max_words)}


class HoldOutSection(Section):
    """Validation held out of `data.train`, for people without a split. It is the ruler and never searched."""

    hold_out: Annotated[float, Field(gt=0, lt=1)]
    """The share that is held out, met on average: what is held out depends on each row alone, so rows that are added
    move no other."""
    by: Literal["speaker", "text", "random"] = "text"
    """What may not stand on both sides: a speaker, or a text; random: each row for itself."""


VAL_TAGS = ("a path", "a mapping")


def _val_tag(value: Any) -> str:
    return VAL_TAGS[isinstance(value, dict | HoldOutSection)]


class ManifestData(BatchKeys):
    """Recordings listed in JSONL, CSV or TSV files, or in directories of Kaldi's or LibriSpeech's layout."""

    target: Literal["manifest"]
    """Where the speech comes from."""
    train: FilePath
    """The training manifest, a file or a directory."""
    val: Annotated[
        Annotated[FilePath, Tag(VAL_TAGS[0])] | Annotated[HoldOutSection, Tag(VAL_TAGS[1])], Discriminator(_val_tag)
    ]
    """The validation manifest, or `{hold_out: 0.05, by: text}`: the ruler, never filtered and never searched."""
    test: FilePath | None = None
    """A test manifest: looked at before a training, scored once, when a model is exported."""
    skip_bad: bool = False
    """Drop the rows that the data report names as bad, and record them; false: stop (exit 3)."""
    max_bad_fraction: Share = 0.05
    """skip_bad: stop all the same where more than this share of a manifest's rows is bad."""
    max_seconds: Annotated[float, Field(gt=0)] | None = None
    """Training utterances longer than this are left out; validation keeps all of its own."""
