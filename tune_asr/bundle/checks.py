"""The checks of a bundle, each of which ends in sentences for the model card or in a refusal."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from tune_asr.bundle import sherpa
from tune_asr.bundle.agreement import Disagreement
from tune_asr.bundle.recorded import Recorded
from tune_asr.bundle.scores import Score
from tune_asr.bundle.validation import Pass, Recogniser, check_fresh_lengths
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.training.data import load_speech


def check_record(recorded: Recorded, found: Score) -> str:
    """Compare the error counts with those on record.

    A training on a GPU or in another number format measured something a little different: its rate must then lie in the
    interval of what is exported, and both are told.

    Raises:
        Disagreement: they differ.
    """
    difference = recorded.difference(found.counts)
    if difference is None:
        return f"The record: the same error counts, {found.metric} {found.rate:.2%}."
    on_record = recorded.report["val_wer" if found.metric == "WER" else "val_cer"]
    if recorded.is_exact or not found.low <= on_record <= found.high:
        raise Disagreement(f"the recogniser does not score what is on record, so nothing was written: {difference}")
    return (
        f"The record: {found.metric} {on_record:.2%}, measured on another device or in another number format; "
        f"{found.rate:.2%} in float32 on a CPU, as exported."
    )


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


def check_sherpa(model: Path, tokens: Path, found: Pass, config: Config) -> list[str]:
    """Compare sherpa-onnx's texts with PyTorch's, where it is installed and there are recordings.

    Raises:
        Disagreement: sherpa-onnx refuses the model, or makes another text of an utterance.
    """
    rate, bins = config.features.sample_rate, config.features.num_mel_bins
    if not sherpa.is_installed():
        return ["sherpa-onnx: not checked, for it was not installed (`pip install sherpa-onnx`)."]
    release = f"sherpa-onnx {version('sherpa-onnx')}"
    if isinstance(config.data, CustomTarget):
        sherpa.check_loads(model, tokens, rate=rate, bins=bins)
        return [f"{release}: loads the model. No texts were compared, for the data are features without recordings."]
    recordings = load_speech(config).corpus.val
    agreements = sherpa.check(model, tokens, found.utterances, recordings, rate=rate, bins=bins)
    return [f"{agreement.name.replace('sherpa-onnx', release)}: {agreement}." for agreement in agreements]
