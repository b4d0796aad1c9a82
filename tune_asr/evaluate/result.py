"""Transcripts -> error rates with intervals, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tune_asr.config.speech_sections import TextSection
from tune_asr.errors import Problem
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.scoring.intervals import rate_interval
from tune_asr.scoring.metric import Metric, metric_for
from tune_asr.scoring.transcript import Transcript, errors_and_sizes
from tune_asr.storage.atomic import write_atomic


@dataclass(frozen=True, slots=True)
class Rate:
    """Error rate with its 95 % interval, as fractions."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Result:
    """Error rates of one model on a manifest."""

    transcripts: tuple[Transcript, ...]
    metric: Metric
    """Rate that compares models: WER, or CER for scripts without words."""
    wer: Rate
    cer: Rate

    @classmethod
    def of(cls, transcripts: Sequence[Transcript], metric: Metric) -> Result:
        """Score transcripts, at least one."""
        total = sum((transcript.counts for transcript in transcripts), ErrorCounts())
        words = rate_interval(*errors_and_sizes(transcripts, "val_wer"))
        characters = rate_interval(*errors_and_sizes(transcripts, "val_cer"))
        return cls(tuple(transcripts), metric, Rate(total.wer, *words), Rate(total.cer, *characters))

    @property
    def num_words(self) -> int:
        """Words of the references."""
        return sum(transcript.counts.words for transcript in self.transcripts)

    def json_line(self, num_bad: int = 0) -> str:
        """Return the only line of standard output.

        Args:
            num_bad: rows passed over; the key `bad_rows` stands there only if there are some.
        """
        values: dict[str, float] = {"utterances": len(self.transcripts), "words": self.num_words}
        for name, rate in (("wer", self.wer), ("cer", self.cer)):
            values |= {name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}
        return json.dumps(values | ({"bad_rows": num_bad} if num_bad else {}))


def metric_of(transcripts: Sequence[Transcript], text: TextSection) -> Metric:
    """Choose WER or CER by the section `text`."""
    return metric_for((transcript.reference for transcript in transcripts), text.rules, text.score)


def write_transcripts(
    path: Path, transcripts: Sequence[Transcript], other: Sequence[Transcript] | None, bad_rows: Sequence[Problem] = ()
) -> None:
    """Write JSONL: id, reference, hypothesis, counts.

    Rows that were passed over come last, as `place` and `reason`.

    Args:
        path: file to make or replace.
        transcripts: those of the model.
        other: those of the model after `--compare`, which become the object `compared`.
        bad_rows: rows passed over under `data.skip_bad`.

    Raises:
        StorageError: it cannot be written.
    """
    rows: list[Mapping[str, object]] = []
    for i, transcript in enumerate(transcripts):
        row: dict[str, object] = {
            "id": transcript.id,
            "reference": transcript.reference,
            "hypothesis": transcript.hypothesis,
            **asdict(transcript.counts),
        }
        if other is not None:
            row["compared"] = {"hypothesis": other[i].hypothesis, **asdict(other[i].counts)}
        rows.append(row)
    write_rows(path, [*rows, *passed_over(bad_rows)])


def passed_over(bad_rows: Sequence[Problem]) -> list[Mapping[str, object]]:
    """Return the last rows of `--output`."""
    return [{"place": row.place, "reason": row.what} for row in bad_rows]


def write_rows(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write the file of `--output`.

    Raises:
        StorageError: it cannot be written.
    """
    content = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    write_atomic(path, content.encode(errors="backslashreplace"), setting="--output")
