"""Result of an evaluation for people, on stderr.

Names and texts are foreign: they are shown, and never read as markup or as codes of the terminal.
"""

from __future__ import annotations

import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from tune_asr.evaluate.result import Rate, Result
from tune_asr.scoring.comparison import comparison
from tune_asr.scoring.metric import Metric, metric_name
from tune_asr.scoring.transcript import Transcript, errors_and_sizes
from tune_asr.wording import count, percent, printable

_WIDTH = 80
_WORST = 10
_SPEAKERS = 20


def show(parts: Iterator[Table | str]) -> None:
    """Print tables and sentences; 80 columns without a terminal."""
    console = Console(file=sys.stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    with console.capture() as captured:
        for part in parts:
            console.print(part if isinstance(part, Table) else textwrap.fill(part, console.width))
    # Print at once and without rich, which would swallow the error of a closed pipe.
    print("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")), file=sys.stderr, flush=True)


def result_parts(name: str, result: Result, speakers: Mapping[str, str]) -> Iterator[Table | str]:
    """Yield rates, worst utterances, and speakers if rows name them."""
    yield f"{printable(name)}: {count(len(result.transcripts), 'utterance')}, {count(result.num_words, 'word')}"
    yield f"WER {_rate_text(result.wer)}, CER {_rate_text(result.cer)}"
    if result.metric == "val_cer":
        yield "CER ranks here, by text.score or since these references hardly separate words."
    worst = worst_utterances(result.transcripts, result.metric)
    if worst:
        yield ""
        yield _worst_table(worst, result.metric, len(result.transcripts))
    if speakers:
        yield ""
        yield from _speaker_parts(result, speakers)


def comparison_parts(names: tuple[str, str], one: Result, other: Result) -> Iterator[Table | str]:
    """Yield the rates of two models, and the better one."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("compared", "WER %", "95 %", "CER %", "95 %"):
        table.add_column(head, justify="left" if head == "compared" else "right", overflow="fold")
    for name, result in zip(names, (one, other), strict=True):
        cells = [cell for rate in (result.wer, result.cer) for cell in (percent(rate.value), _interval(rate))]
        table.add_row(printable(name), *cells)
    yield ""
    yield table
    (errors, sizes), (others, _) = (errors_and_sizes(result.transcripts, one.metric) for result in (one, other))
    pairs = zip(one.transcripts, other.transcripts, strict=True)
    same = sum(first.hypothesis == second.hypothesis for first, second in pairs)
    yield f"{same:,} of {len(one.transcripts):,} texts are the same."
    yield comparison(errors, others, sizes, names=names, rate=metric_name(one.metric))


def worst_utterances(transcripts: Sequence[Transcript], metric: Metric) -> list[Transcript]:
    """Return utterances with errors, most errors first, at most ten."""

    def key(entry: tuple[Transcript, int, int]) -> tuple[int, int, str]:
        transcript, errors, size = entry
        return -errors, size, transcript.id

    ranked = sorted(zip(transcripts, *errors_and_sizes(transcripts, metric), strict=True), key=key)
    return [transcript for transcript, errors, _ in ranked if errors][:_WORST]


def _worst_table(worst: Sequence[Transcript], metric: Metric, total: int) -> Table:
    unit = "words" if metric == "val_wer" else "characters"
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left", title_style="bold")
    several = f"The {_WORST} worst of {total:,} utterances"
    table.title = several if len(worst) == _WORST else f"{len(worst)} of {count(total, 'utterance')} with errors"
    table.add_column("utterance", overflow="fold", max_width=24)
    table.add_column("errors", justify="right")
    table.add_column(unit, justify="right")
    table.add_column("reference, and below it the hypothesis", overflow="fold")
    for transcript, errors, size in zip(worst, *errors_and_sizes(worst, metric), strict=True):
        texts = f"{printable(transcript.reference)}\n{printable(transcript.hypothesis) or '(nothing)'}"
        table.add_row(printable(transcript.id), str(errors), str(size), texts)
    return table


def _speaker_parts(result: Result, speakers: Mapping[str, str]) -> Iterator[Table | str]:
    """Yield a row for each speaker, the worst first."""
    by_speaker: dict[str, list[Transcript]] = defaultdict(list)
    for transcript in result.transcripts:
        by_speaker[speakers.get(transcript.id, "")].append(transcript)
    results = [(speaker, Result.of(found, result.metric)) for speaker, found in by_speaker.items()]
    by_wer = result.metric == "val_wer"
    results.sort(key=lambda entry: (-(entry[1].wer if by_wer else entry[1].cer).value, entry[0]))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("speaker", overflow="fold", max_width=30)
    for head in ("utterances", "words", "WER %", "95 %", "CER %"):
        table.add_column(head, justify="right")
    for speaker, found in results[:_SPEAKERS]:
        counts = (f"{len(found.transcripts):,}", f"{found.num_words:,}")
        rates = (percent(found.wer.value), _interval(found.wer), percent(found.cer.value))
        table.add_row(printable(speaker) or "(none named)", *counts, *rates)
    yield table
    if len(results) > _SPEAKERS:
        yield f"and {len(results) - _SPEAKERS} more speakers with lower error rates"


def _rate_text(rate: Rate) -> str:
    return f"{percent(rate.value)} % (95 %: {_interval(rate)})"


def _interval(rate: Rate) -> str:
    return f"{percent(rate.low)} to {percent(rate.high)}"
