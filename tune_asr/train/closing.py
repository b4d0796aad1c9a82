"""The end of a training that stands alone: what became of each utterance, in a file, and a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_asr.record.ranking import too_early
from tune_asr.scoring.alignment import Unit, errors, frequent
from tune_asr.scoring.alignment_text import alignment_text, told
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.scoring.intervals import wer_interval
from tune_asr.scoring.transcript import Transcript
from tune_asr.storage.atomic import write_atomic
from tune_asr.wording import count, duration

_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What a training came to.

    Attributes:
        best: `epoch`, `val_wer`, `val_cer` of what is exported and resumed from.
        metric: what chose it, `val_wer` or `val_cer`.
        epochs: how many have been trained in all.
        average: what averaging the best checkpoints came to; empty where nobody asked.
        is_average: whether the average is the best.
        weights: whose figures these are, `raw` or `ema`.
        checkpoint: of the best, where one is kept.
        alignments: the file of `write_alignments`, where there is one.
        utterances: what the best made of each; empty for a user's own module that does not say.
        counts: the errors of each of them.
        model: `model.target`.
        num_parameters: of the model; None where no epoch was trained now.
        real_time: seconds of speech a second, in training and in validation.
        padding: the share of training frames that is padding.
        seconds: that it took.
        commands: what to do next.
    """

    best: Mapping[str, float]
    metric: str
    epochs: int
    average: str
    is_average: bool
    weights: str
    checkpoint: Path | None
    alignments: Path | None
    utterances: Sequence[Transcript]
    counts: Sequence[ErrorCounts]
    model: str
    num_parameters: int | None
    real_time: tuple[float, float] | None
    padding: float | None
    seconds: float
    commands: Sequence[str]


def write_alignments(path: Path, name: str, utterances: Sequence[Transcript], metric: str) -> Path:
    """Write what became of each utterance to `path`, which is returned.

    Args:
        path: of the file.
        name: of the checkpoint that heard them.
        utterances: in any order.
        metric: words are aligned, and under `val_cer` characters.

    Raises:
        StorageError: it cannot be written.
    """
    unit: Unit = "word" if metric == "val_wer" else "character"
    write_atomic(path, alignment_text(name, utterances, unit).encode(errors="backslashreplace"))
    return path


def closing_table(closing: Closing) -> str:
    """The table, a line a fact: what is not known has none."""
    rows = [*_rates(closing), *_files(closing), *_confusions(closing), *_effort(closing)]
    rows += [("next" if number == 0 else "", command) for number, command in enumerate(closing.commands)]
    return "\n".join(f"{name:<12}{text}" for name, text in rows)


def _rates(closing: Closing) -> Iterator[tuple[str, str]]:
    averaged = ", of the moving average of the weights (ema)" if closing.weights == "ema" else ""
    best = "the average" if closing.is_average else f"epoch {closing.best['epoch']:.0f} of {closing.epochs}"
    yield "best", f"{best}{averaged}"
    if closing.average:
        yield "average", closing.average
    counts = closing.counts
    total = sum(counts, ErrorCounts())
    for name in ("wer", "cer"):
        text = f"{closing.best[f'val_{name}']:.2%}"
        if counts and closing.metric == f"val_{name}":
            text += f" {_interval(counts, name)}"
        if counts and name == "wer":
            wrong = f"{total.substitutions:,} substituted, {total.deletions:,} left out, {total.insertions:,} put in"
            text += f", {total.words:,} words: {wrong}"
        yield name.upper(), text
    if warning := too_early(closing.best, closing.metric):
        yield "warning", warning


def _interval(counts: Sequence[ErrorCounts], name: str) -> str:
    wrong = {
        "wer": [c.word_errors for c in counts],
        "cer": [c.character_errors for c in counts],
    }
    said = {"wer": [c.words for c in counts], "cer": [c.characters for c in counts]}
    low, high = wer_interval(wrong[name], said[name])
    return f"(95 %: {100 * low:.1f}-{100 * high:.1f})"


def _files(closing: Closing) -> Iterator[tuple[str, str]]:
    if closing.checkpoint:
        yield "checkpoint", str(closing.checkpoint)
    if closing.alignments:
        yield "utterances", f"{closing.alignments}: each with its errors, worst first"


def _confusions(closing: Closing) -> Iterator[tuple[str, str]]:
    """The most frequent substitutions."""
    pairs = [(utterance.reference, utterance.hypothesis) for utterance in closing.utterances]
    kinds: tuple[Unit, ...] = ("word", "character") if closing.metric == "val_wer" else ("character",)
    for unit in kinds:
        if found := frequent(errors(pairs, unit), "replace", _SHOWN):
            yield f"{unit}s", ", ".join(f"{told(edit)} {number}" for edit, number in found)


def _effort(closing: Closing) -> Iterator[tuple[str, str]]:
    size = f", {closing.num_parameters:,} parameters" if closing.num_parameters else ""
    yield "model", f"{closing.model}{size}"
    if closing.real_time:
        trains, recognises = closing.real_time
        speed = f"trains at {trains:,.0f} times real time, recognises at {recognises:,.0f}"
        yield "speed", f"{speed} (RTF {1 / recognises:.2g})"
    if closing.padding is not None:
        yield "padding", f"{closing.padding:.0%} of the training frames"
    yield "time", f"{duration(closing.seconds)}, {count(closing.epochs, 'epoch')} in all"
