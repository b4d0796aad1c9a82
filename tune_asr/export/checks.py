"""The checks of a bundle, each of which ends in sentences for the model card or in a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tune_asr.config.sections import Config
from tune_asr.export import sherpa
from tune_asr.export.agreement import Decoded, Disagreement
from tune_asr.export.parity import TIE, Pass, Recogniser, check_fresh_lengths
from tune_asr.export.recorded import Recorded
from tune_asr.export.scores import Score
from tune_asr.scoring.counts import ErrorCounts, count_errors
from tune_asr.speech.corpus import Corpus


def check_record(recorded: Recorded, found: Score, utterances: Sequence[Decoded]) -> str:
    """Compare the error counts with those on record.

    A training on a GPU or in another number format measured something a little different. What is exported may then be
    better, and worse as far as its interval goes; both rates are told. The record has no interval of its own, for it
    has no utterances, and that of a result without errors is a point: a rate must not be refused for being better.

    After a training in float32 on a CPU the counts are the same, but for ties: another CPU sums in another order.

    Args:
        recorded: the recogniser and its record.
        found: what it scores now.
        utterances: those that `found` is the score of.

    Raises:
        Disagreement: they differ.
    """
    difference = recorded.difference(found.counts)
    if difference is None:
        return f"The record: the same error counts, {found.metric} {found.rate:.2%}."
    on_record = recorded.report["val_wer" if found.metric == "WER" else "val_cer"]
    told = f"The record: {found.metric} {on_record:.2%}, measured on another"
    if not recorded.is_exact and on_record >= found.low:
        return f"{told} device or in another number format; {found.rate:.2%} in float32 on a CPU, as exported."
    if recorded.is_exact and (ties := _ties_that_explain(recorded, found, utterances)):
        return (
            f"{told} CPU; {found.rate:.2%} on this one. Ties explain the difference: {ties} of {len(utterances)} "
            f"utterances have two symbols closer than {TIE:g} nats, and either is right."
        )
    raise Disagreement(
        f"the recogniser does not score what is on record, so nothing was written: {difference}: export it with the "
        "versions that it was trained with, on the machine that trained it"
    )


def _ties_that_explain(recorded: Recorded, found: Score, utterances: Sequence[Decoded]) -> int:
    """How many utterances have a tie; 0 where the record cannot come of them.

    The others are certain. Those with a tie may have had no error there, or all that their lengths allow.
    """
    tied = [utterance for utterance in utterances if utterance.margin < TIE]
    theirs = sum((count_errors(u.reference, u.hypothesis) for u in tied), ErrorCounts())
    report, counts = recorded.report, found.counts
    words = round(report["val_wer"] * counts.words) - (counts.word_errors - theirs.word_errors)
    characters = round(report["val_cer"] * counts.characters) - (counts.character_errors - theirs.character_errors)
    explained = (
        report.get("words", counts.words) == counts.words
        and 0 <= words <= theirs.words + sum(len(u.hypothesis.split()) for u in tied)
        and 0 <= characters <= theirs.characters + sum(len(u.hypothesis) for u in tied)
    )
    return len(tied) if explained else 0


def check_onnxruntime(recogniser: Recogniser, found: Pass, config: Config) -> list[str]:
    """What `validate` found, and the same at lengths that no utterance has.

    Raises:
        Disagreement: onnxruntime computes something else.
    """
    fresh = check_fresh_lengths(recogniser, config.features.num_mel_bins)
    return [
        *(f"{agreement.name}: {agreement}." for agreement in found.agreements),
        f"{found.unseen} of {len(found.frames)} lengths, {min(found.frames)} to {max(found.frames)} frames, were not "
        f"seen in tracing; log-probabilities differ by at most {found.max_difference:.1g} nats, {fresh:.1g} on random "
        "features padded with large numbers.",
    ]


def check_sherpa(model: Path, tokens: Path, found: Pass, config: Config, corpus: Corpus | None) -> list[str]:
    """Compare sherpa-onnx's texts with PyTorch's, where it is installed and there are recordings.

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
    agreements = sherpa.check(model, tokens, found.utterances, corpus.val, rate=rate, bins=bins)
    return [f"{agreement.name.replace('sherpa-onnx', release)}: {agreement}." for agreement in agreements]
