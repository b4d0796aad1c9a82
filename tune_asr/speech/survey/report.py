"""The data report: facts about a corpus as text of 80 columns, for a person who is about to train on it."""

from __future__ import annotations

import textwrap
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tune_asr.errors import Problem
from tune_asr.scoring.metric import metric_for
from tune_asr.speech.audio.recordings import AudioInfo
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.survey.bad_rows import LONGEST_LIST, first_places, more_than_listed
from tune_asr.speech.text.vocabulary import Vocabulary

_WIDTH = 80
_MOST_SYMBOLS = 200
_FEW = 3
_PERCENTILES = {"min": 0, "50 %": 50, "90 %": 90, "99 %": 99, "max": 100}


def warning(remark: str) -> list[str]:
    """Tell what is allowed but worth a look."""
    return _paragraph(f"warning: {remark}")


def too_long_lines(sentence: str, places: Sequence[str]) -> list[str]:
    """Tell of utterances that are too long for their frames, and where the first of them are."""
    return [*warning(f"{sentence}:"), *(f"    {line}" for line in first_places(places))]


def note(sentence: str) -> list[str]:
    """Tell what is as it was asked for."""
    return _paragraph(f"validation: {sentence}")


def size_table(train: Sequence[Utterance], val: Sequence[Utterance]) -> list[str]:
    """Tell how much there is of each split, and how long and how fast its utterances are."""
    splits = (train, val)
    lines = [
        _row("", "", ["training", "validation"]),
        _row("utterances", "", [f"{len(split):,}" for split in splits]),
        _row("words", "", [f"{sum(len(u.text.split()) for u in split):,}" for split in splits]),
        _row("hours", "", [f"{sum(u.seconds for u in split) / 3600:.2f}" for split in splits]),
    ]
    seconds = [[u.seconds for u in split] for split in splits]
    rates = [[len(u.text) / u.seconds for u in split] for split in splits]
    for label, measures in (("seconds", seconds), ("characters a second", rates)):
        for name, percentage in _PERCENTILES.items():
            values = [f"{np.percentile(measure, percentage):.2f}" if measure else "-" for measure in measures]
            lines.append(_row(label, name, values))
            label = ""
    return lines


def recordings_lines(recordings: Sequence[AudioInfo], sample_rate: int) -> list[str]:
    """Tell which sample rates and channels were found, and what is made of them."""
    lines = []
    for rate, count in sorted(Counter(info.sample_rate for info in recordings).items()):
        resampled = "" if rate == sample_rate else f", resampled to {sample_rate:,} Hz"
        lines.append(f"recordings: {count:,} at {rate:,} Hz{resampled}")
    if several := sum(info.channels > 1 for info in recordings):
        lines.append(f"recordings: {several:,} with more than one channel, down-mixed to their mean")
    return lines


def vocabulary_lines(vocabulary: Vocabulary, train: Sequence[Utterance]) -> list[str]:
    """Tell the symbols, each so that it can be seen, and how much of training one stands for."""
    shown = " ".join(_visible(symbol) for symbol in vocabulary.symbols[:_MOST_SYMBOLS])
    rest = len(vocabulary) - _MOST_SYMBOLS
    more = f" ... and {rest:,} more" if rest > 0 else ""
    num_tokens = sum(len(vocabulary.encode(u.text)) for u in train)
    num_characters = sum(len(u.text) for u in train)
    each = f" of {num_characters / max(1, num_tokens):.2f} characters on average in training"
    told = each if num_tokens != num_characters else ""
    return _paragraph(f"vocabulary: {len(vocabulary):,} symbols{told}: {shown}{more}")


def validation_lines(corpus: Corpus, names: Sequence[str]) -> list[str]:
    """Tell how well training covers validation, and whether WER means something."""
    known = {word for utterance in corpus.train for word in utterance.text.split()}
    words = [word for utterance in corpus.val for word in utterance.text.split()]
    unseen = sum(word not in known for word in words)
    share = 100 * unseen / max(1, len(words))
    lines = [
        f"validation: {unseen:,} of {len(words):,} words ({share:.1f} %) are not in training",
        "validation: words are separated by spaces, WER counts"
        if metric_for(u.text for u in corpus.val) == "val_wer"
        else "validation: under 2 % of the characters are spaces, CER takes the place of WER",
    ]
    if unknown := corpus.vocabulary.unknown_characters(u.text for u in corpus.val):
        lines += _unknown_table(unknown, corpus.val, names)
    return lines


def test_lines(test: Sequence[Utterance]) -> list[str]:
    """Tell how much there is to test on; it is no part of the corpus."""
    words, hours = sum(len(u.text.split()) for u in test), sum(u.seconds for u in test) / 3600
    return [f"test: utterances {len(test):,}, words {words:,}, hours {hours:.2f}; scored once, by export"]


def bad_rows_lines(problems: Sequence[Problem], *, dropped: bool) -> list[str]:
    """Show the first bad rows in full, and count the rest."""
    if not problems:
        return ["bad rows: none"]
    lines = [f"bad rows: {len(problems):,}{', dropped (data.skip_bad)' if dropped else ''}"]
    for problem in problems[:LONGEST_LIST]:
        lines += _paragraph(f"  {problem.place}: {problem.what}")
    if more := more_than_listed(len(problems)):
        lines.append(f"  {more}")
    return lines


def examples(values: Sequence[str]) -> str:
    """Show the first of `values`, each cut to half a line."""
    shown = [repr(value if len(value) <= 40 else f"{value[:37]}...") for value in values[:_FEW]]
    return ", ".join(shown) + (", ..." if len(values) > _FEW else "")


def _unknown_table(unknown: dict[str, int], val: Sequence[Utterance], names: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    for utterance, name in zip(val, names, strict=True):
        for character in utterance.text:
            first.setdefault(character, name)
    lines = warning("validation has characters that training lacks; no model can learn to write them:")
    for character, count in list(unknown.items())[:LONGEST_LIST]:
        lines.append(f"    {_visible(character):<8}U+{ord(character):04X}  {count:>9,}  {first[character]}")
    if more := more_than_listed(len(unknown)):
        lines.append(f"    {more}")
    return lines


def _paragraph(text: str) -> list[str]:
    """Wrap a sentence, but break no path: it is there to be copied."""
    return textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _row(label: str, name: str, values: Sequence[str]) -> str:
    return f"{label:<20}{name:>6}" + "".join(f"{value:>14}" for value in values)


def _visible(symbol: str) -> str:
    """Show spaces, a mark without its letter and invisible characters by the signs that are customary for them."""
    shown = "".join("␣" if c == " " else c if c.isprintable() else f"U+{ord(c):04X}" for c in symbol)
    return f"◌{shown}" if unicodedata.category(symbol[0]).startswith("M") else shown
