"""Sections `text`, `features` and `augment`."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tune_asr.config.key_facts import INPUT_PATH, NO_SETTING, UNITS, KeyFacts
from tune_asr.config.language import check_language
from tune_asr.config.mel_bins import max_mel_bins
from tune_asr.config.schema import Count, FilePath, Int, Section, Share, whole
from tune_asr.scoring.metric import ScoreName

Case = Literal["lower", "upper", "keep"]
Punctuation = Literal["remove", "keep"]
Digits = Literal["keep", "remove"]
UnicodeForm = Literal["NFC", "NFD", "NFKC", "NFKD"]
Tags = Literal["keep", "remove"]
Rules = Literal[1, 2]


class NormalizerArguments(TypedDict):
    """Arguments of `speech.text.normalizer.TextNormalizer`."""

    case: Case
    punctuation: Punctuation
    digits: Digits
    unicode_form: UnicodeForm
    rules: Rules
    language: str | None
    tags: Tags


class TextSection(Section):
    """References and their units: the ruler, never searched."""

    case: Case = "lower"
    """Letter case."""
    punctuation: Punctuation = "remove"
    """Punctuation and symbols; an apostrophe inside a word always stays, and so do geresh and Catalan middle dot."""
    digits: Digits = "keep"
    """Digits."""
    unicode_form: UnicodeForm = "NFKC"
    """Unicode normalisation form."""
    unit: Annotated[Literal["char", "bpe"], KeyFacts(not_searched=UNITS)] = "char"
    """A symbol of the model: a character, or a word piece (byte-pair encoding: Sennrich et al., 2016), learned from the
    training references alone. WER and CER count words and characters under each."""
    vocab_size: Annotated[Int, Field(ge=3, le=65_536), KeyFacts(not_searched=UNITS)] = 256
    """bpe: number of symbols, with the blank."""
    language: Annotated[str | None, AfterValidator(check_language)] = None
    """Language tag (BCP 47), such as tr or az-Latn. It decides on the letter case of I in Turkish and Azeri, and on the
    apostrophe of Polynesian languages; other languages need none."""
    tags: Tags = "keep"
    """Tags such as `<unk>`, `[noise]`, `{breath}`, `(laughter)`; remove: leave them out, instead of their words."""
    score: ScoreName = "auto"
    """Error rate that ranks: of words, or of characters. auto: chosen by the validation references when a search
    begins; cer where most letters are Han, Kana, Thai, Lao, Khmer, Myanmar or Tibetan, or hardly any spaces stand."""
    rules: Annotated[Rules, BeforeValidator(whole)] = 2
    """Version of the rules for texts, for WER or CER, and for the channels and lengths of recordings. 1: those of
    release 0.1.0, whose folders, checkpoints and bundles lack the number."""

    def normaliser(self) -> NormalizerArguments:
        """Return the arguments of `TextNormalizer`."""
        return {
            "case": self.case,
            "punctuation": self.punctuation,
            "digits": self.digits,
            "unicode_form": self.unicode_form,
            "rules": self.rules,
            "language": self.language,
            "tags": self.tags,
        }


class FeaturesSection(Section):
    """Kaldi-compatible log-mel filter banks, 25 ms windows every 10 ms."""

    sample_rate: Annotated[
        Int, Field(ge=4000, le=48000), KeyFacts(defines_weights=True, fixed_on_resume=True, other_data=True)
    ] = 8000
    """Hz; recordings at other rates are resampled to it."""
    num_mel_bins: Annotated[Int, Field(ge=8, le=128), KeyFacts(defines_weights=True, fixed_on_resume=True)] = 40
    """Mel filters."""
    max_cache_gb: Annotated[float, Field(ge=0, le=1e6), KeyFacts(not_searched=NO_SETTING, free_on_resume=True)] = 8.0
    """Features of at most this size, in GB (10^9 bytes; an hour takes 0.06 at 40 mel bins), are computed once and kept
    on this machine's disk. Larger ones are computed anew in every epoch. 0: always anew."""
    device: Annotated[Literal["cpu", "gpu"], KeyFacts(not_searched=NO_SETTING, in_cards=False)] = "cpu"
    """CPU or GPU for computing them. Those of a GPU differ by rounding, and are kept apart from a CPU's."""

    @model_validator(mode="after")
    def _filters(self) -> FeaturesSection:
        most = max_mel_bins(self.sample_rate)
        if self.num_mel_bins > most:
            raise ValueError(
                f"num_mel_bins is {self.num_mel_bins}, but must be at most {most} at {self.sample_rate} Hz"
            )
        return self


class AugmentSection(Section):
    """Changes of training speech, drawn anew in each epoch.

    Validation is never changed.

    SpecAugment (Park et al., 2019) has torchaudio's names. It is off if n_freq_masks, n_time_masks and time_mask_rate
    are 0. Speed, gain and noise are each off at 0 of their one key.
    """

    n_freq_masks: Annotated[Int, Field(ge=0, le=65_536)] = 1
    """Frequency masks per utterance (m_F)."""
    freq_mask_param: Annotated[Int, Field(ge=0, le=65_536)] = 6
    """Widest frequency mask, in mel bins (F)."""
    n_time_masks: Annotated[Int, Field(ge=0, le=65_536)] = 1
    """Time masks per utterance (m_T)."""
    time_mask_param: Annotated[Int, Field(ge=0, le=65_536)] = 10
    """Widest time mask, in feature frames of 10 ms (T)."""
    p: Share = 0.1
    """Widest time mask as a share of the utterance (p)."""
    time_mask_rate: Annotated[float, Field(ge=0)] = 0.0
    """Time masks per second of speech, in addition to n_time_masks; at most 20 in all (adaptive: Park et al., 2020)."""
    start_epoch: Count = 1
    """First epoch with masks; epochs count from 1."""
    speed: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Largest change of speed: 0.1 is from a tenth slower to a tenth faster."""
    gain_db: Annotated[float, Field(ge=0)] = 0.0
    """Largest change of loudness at the start and at the end of an utterance, drawn separately, in dB. Within an
    utterance loudness changes by up to twice as many dB; a constant change would have no effect."""
    noise_p: Share = 0.0
    """Share of the utterances that get noise."""
    noise_snr_db: float = 10.0
    """Lowest signal-to-noise ratio, in dB; the highest is 20 more."""
    noise_dir: Annotated[FilePath | None, INPUT_PATH] = None
    """Folder with recordings of noise; null: white, pink and brown noise is generated."""
