"""Data report: a corpus as text, 80 columns wide."""

from __future__ import annotations

import textwrap
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tune_asr.errors import Problem
from tune_asr.scoring.metric import Choice
from tune_asr.scoring.ruler import FEWEST, Ruler
from tune_asr.speech.audio.recordings import AudioInfo
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.survey.alike import merge
from tune_asr.speech.text.vocabulary import Vocabulary

LONGEST_LIST = 20
_RANKS = {"val_wer": "WER ranks", "val_cer": "CER takes the place of WER"}
_WIDTH = 80
_MOST_SYMBOLS = 200
_FEW = 3
_PERCENTILES = {"min": 0, "50 %": 50, "90 %": 90, "99 %": 99, "max": 100}


def warning(remark: str) -> list[str]:
    """Return a paragraph on something allowed, but worth a look."""
    return _paragraph(f"warning: {remark}")


def listed_warning(sentence: str, places: Sequence[str]) -> list[str]:
    """Return a warning of rows, with the first places."""
    return [*warning(f"{sentence}:"), *(f"    {line}" for line in first_places(places))]


def note(sentence: str) -> list[str]:
    """Return a paragraph on the choice of validation."""
    return _paragraph(f"validation: {sentence}")


def size_table(train: Sequence[Utterance], val: Sequence[Utterance]) -> list[str]:
    """Return numbers, lengths and speaking rates of each split."""
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


def recordings_lines(recordings: Sequence[AudioInfo], sample_rate: int, num_mixed: int) -> list[str]:
    """Return the files' sample rates, and how many are mixed."""
    lines = []
    for rate, count in sorted(Counter(info.sample_rate for info in recordings).items()):
        resampled = "" if rate == sample_rate else f", resampled to {sample_rate:,} Hz"
        lines.append(f"recordings: {count:,} at {rate:,} Hz{resampled}")
    if num_mixed:
        lines.append(f"recordings: {num_mixed:,} with more than one channel, down-mixed to their mean")
    return lines


def vocabulary_lines(vocabulary: Vocabulary, train: Sequence[Utterance]) -> list[str]:
    """Return the symbols, visibly, and their mean length."""
    shown = " ".join(_visible(symbol) for symbol in vocabulary.symbols[:_MOST_SYMBOLS])
    rest = len(vocabulary) - _MOST_SYMBOLS
    more = f" ... and {rest:,} more" if rest > 0 else ""
    num_tokens = sum(len(vocabulary.encode(u.text)) for u in train)
    num_characters = sum(len(u.text) for u in train)
    each = f" of {num_characters / max(1, num_tokens):.2f} characters on average in training"
    length = each if num_tokens != num_characters else ""
    return _paragraph(f"vocabulary: {len(vocabulary):,} symbols{length}: {shown}{more}")


def validation_lines(corpus: Corpus, choice: Choice, names: Sequence[str]) -> list[str]:
    """Return the share of validation unknown to training; the metric."""
    known = {word for utterance in corpus.train for word in utterance.text.split()}
    words = [word for utterance in corpus.val for word in utterance.text.split()]
    unseen = sum(word not in known for word in words)
    share = 100 * unseen / max(1, len(words))
    lines = [
        f"validation: {unseen:,} of {len(words):,} words ({share:.1f} %) are not in training",
        *_paragraph(f"validation: {choice.reason}, so {_RANKS[choice.metric]}"),
    ]
    if unknown := corpus.vocabulary.unknown_characters(u.text for u in corpus.val):
        lines += _unknown_table(unknown, corpus.val, names)
    return lines


def ruler_lines(ruler: Ruler) -> list[str]:
    """Return the finest difference that validation can show."""
    if not ruler.units:
        return []
    end = "compared utterance by utterance, a smaller difference may show"
    if ruler.is_coarse:
        return warning(f"validation is short, {ruler}; {end}. Hold out {FEWEST} {ruler.unit}s or more, better 5,000")
    return _paragraph(f"validation: {ruler}; {end}")


def shared_rows_lines(shared: Sequence[str], num_val: int) -> list[str]:
    """Return a warning of rows in both splits."""
    if not shared:
        return []
    rows = f"{len(shared):,} of {num_val:,} validation rows ({100 * len(shared) / num_val:.1f} %)"
    sentence = f"{rows} stand in training as well, which makes the score too good"
    return listed_warning(sentence, shared)


def test_set_lines(test: Sequence[Utterance]) -> list[str]:
    """Return the size of the test set."""
    words, hours = sum(len(u.text.split()) for u in test), sum(u.seconds for u in test) / 3600
    return [f"test: utterances {len(test):,}, words {words:,}, hours {hours:.2f}; scored once, by export"]


def bad_rows_lines(problems: Sequence[Problem], *, dropped: bool, merged: bool = False) -> list[str]:
    """Return the first bad rows, and the number of others.

    Args:
        problems: all bad rows.
        dropped: true if `data.skip_bad` drops them.
        merged: show those of one reason as one.
    """
    if not problems:
        return ["bad rows: none"]
    lines = [f"bad rows: {len(problems):,}{', dropped (data.skip_bad)' if dropped else ''}"]
    listed, more = _listed(problems, merged)
    for problem in listed:
        lines += _paragraph(f"  {problem.place}: {problem.what}")
        lines += [f"      {problem.hint}"] if problem.hint else []
    return [*lines, f"  {more}"] if more else lines


def first_bad_rows(problems: Sequence[Problem], *, may_skip: bool, merged: bool = False) -> list[Problem]:
    """Return the first bad rows and their number.

    Args:
        problems: all bad rows.
        merged: show those of one reason as one.
        may_skip: offer `data.skip_bad` in the hint; False if it is set, since another problem then has the hint.
    """
    listed, more = _listed(problems, merged)
    if more:
        listed.append(Problem("", more))
    if problems and may_skip:
        what, them = (f"{len(problems):,} bad rows in all", "them") if len(problems) > 1 else ("1 bad row", "it")
        hint = f"Correct {them}, or drop {them} by data.skip_bad: true, up to data.max_bad_fraction of a manifest."
        listed.append(Problem("", what, hint))
    return listed


def _listed(problems: Sequence[Problem], merged: bool) -> tuple[list[Problem], str]:
    """Return the problems to show, and the number of others."""
    found = merge(problems) if merged else [(problem, 1) for problem in problems]
    more = sum(number for _, number in found[LONGEST_LIST:])
    return [problem for problem, _ in found[:LONGEST_LIST]], f"... and {more:,} more" if more else ""


def first_places(places: Sequence[str]) -> list[str]:
    """Return the first of `places`, and the number of others."""
    more = _more_than_listed(len(places))
    return [line for line in (*places[:LONGEST_LIST], more) if line]


def examples(values: Sequence[str]) -> str:
    """Quote the first of `values`, cut to half a line."""
    shown = [repr(value if len(value) <= 40 else f"{value[:37]}...") for value in values[:_FEW]]
    return ", ".join(shown) + (", ..." if len(values) > _FEW else "")


def _more_than_listed(number: int) -> str:
    return f"... and {number - LONGEST_LIST:,} more" if number > LONGEST_LIST else ""


def _unknown_table(unknown: dict[str, int], val: Sequence[Utterance], names: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    for utterance, name in zip(val, names, strict=True):
        for character in utterance.text:
            first.setdefault(character, name)
    lines = warning("validation has characters that training lacks; no model can learn to write them:")
    for character, count in list(unknown.items())[:LONGEST_LIST]:
        lines.append(f"    {_visible(character):<8}U+{ord(character):04X}  {count:>9,}  {first[character]}")
    if more := _more_than_listed(len(unknown)):
        lines.append(f"    {more}")
    return lines


def _paragraph(text: str) -> list[str]:
    """Wrap a sentence, but break no path."""
    return textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _row(label: str, name: str, values: Sequence[str]) -> str:
    return f"{label:<20}{name:>6}" + "".join(f"{value:>14}" for value in values)


def _visible(symbol: str) -> str:
    """Replace spaces, lone marks and invisible characters by signs."""
    shown = "".join("␣" if c == " " else c if c.isprintable() else f"U+{ord(c):04X}" for c in symbol)
    return f"◌{shown}" if unicodedata.category(symbol[0]).startswith("M") else shown
