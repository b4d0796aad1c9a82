"""Checks of a bundle, as sentences for the model card."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tune_asr.config.sections import Config
from tune_asr.export import sherpa
from tune_asr.export.agreement import Decoded, Disagreement
from tune_asr.export.parity import TIE, ExportedModel, Pass, check_fresh_lengths
from tune_asr.export.recorded import Recorded
from tune_asr.export.scores import Score
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.speech.corpus import Corpus


def check_record(recorded: Recorded, found: Score, transcripts: Sequence[Decoded]) -> str:
    """Compare the error counts with those on record.

    After a training in float32 on a CPU the counts are the same, but for ties: another CPU sums in another order.

    A training on a GPU or in another number format measured something slightly different. The exported model may then
    be better, or worse within its interval; the sentence gives both rates. The record has no interval of its own, since
    it has no utterances, and the interval of a result without errors is a point: a better rate must not be refused.

    Args:
        recorded: recogniser and its record.
        found: score of today.
        transcripts: utterances of `found`.

    Raises:
        Disagreement: the counts differ.
    """
    difference = recorded.figures.difference(found.counts)
    if not difference:
        return f"The record: the same error counts, {found.name} {found.rate:.2%}."
    on_record = recorded.figures.scores.value(found.metric)
    measured = f"The record: {found.name} {on_record:.2%}, measured on another"
    if not recorded.is_exact and on_record >= found.low:
        return f"{measured} device or in another number format; {found.rate:.2%} in float32 on a CPU, as exported."
    if recorded.is_exact and (ties := _ties_that_explain(recorded, found, transcripts)):
        return (
            f"{measured} CPU; {found.rate:.2%} on this one. Ties explain the difference: {ties} of {len(transcripts)} "
            f"utterances have two symbols closer than {TIE:g} nats, and either is right."
        )
    raise Disagreement(
        f"the recogniser does not reproduce its recorded scores, so nothing was written: {difference}",
        hint="Export it with the versions that trained it, on the machine that trained it.",
    )


def _ties_that_explain(recorded: Recorded, found: Score, transcripts: Sequence[Decoded]) -> int:
    """Count the ties; 0 if they cannot explain the record.

    The errors of the other utterances are certain. Those with a tie may have had no error on record, or as many as
    their lengths allow.
    """
    tied = [transcript for transcript in transcripts if transcript.margin < TIE]
    theirs = sum((transcript.counts for transcript in tied), ErrorCounts())
    figures, counts = recorded.figures, found.counts
    words = round(figures.scores.value("val_wer") * counts.words) - (counts.word_errors - theirs.word_errors)
    characters = round(figures.scores.value("val_cer") * counts.characters)
    characters -= counts.character_errors - theirs.character_errors
    explained = (
        figures.counts.words in (None, counts.words)
        and 0 <= words <= theirs.words + sum(len(transcript.hypothesis.split()) for transcript in tied)
        and 0 <= characters <= theirs.characters + sum(len(transcript.hypothesis) for transcript in tied)
    )
    return len(tied) if explained else 0


def check_onnxruntime(exported: ExportedModel, found: Pass, config: Config) -> list[str]:
    """Compare onnxruntime with PyTorch, at fresh lengths too.

    Raises:
        Disagreement: onnxruntime computes something else.
    """
    fresh = check_fresh_lengths(exported, config.features.num_mel_bins)
    return [
        *(f"{agreement.name}: {agreement}." for agreement in found.agreements),
        f"{found.unseen} of {len(found.frames)} lengths, {min(found.frames)} to {max(found.frames)} frames, were not "
        f"seen in tracing; log-probabilities differ by at most {found.max_difference:.1g} nats, {fresh:.1g} on random "
        "features padded with large numbers.",
    ]


def check_sherpa(model: Path, tokens: Path, found: Pass, config: Config, corpus: Corpus | None) -> list[str]:
    """Compare the texts of sherpa-onnx, if it is installed.

    Raises:
        Disagreement: sherpa-onnx refuses the model, or makes another text of an utterance.
    """
    rate, bins = config.features.sample_rate, config.features.num_mel_bins
    if not sherpa.is_installed():
        return ["sherpa-onnx: not checked, for it was not installed (`pip install sherpa-onnx`)."]
    release = f"sherpa-onnx {version('sherpa-onnx')}"
    if corpus is None:
        sherpa.check_loads(model, tokens, rate=rate, bins=bins)
        return [f"{release}: loads the model. No texts were compared, for the data are features without recordings."]
    agreements = sherpa.check(model, tokens, found.transcripts, corpus.val, rate=rate, bins=bins)
    return [f"{agreement.name.replace('sherpa-onnx', release)}: {agreement}." for agreement in agreements]
