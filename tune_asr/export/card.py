"""The model card: what the model is, how good, how sure, how it was checked, and how to run it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tune_asr.export.scores import Score
from tune_asr.wording import printable

SHERPA_SUBSAMPLING = 4
"""Feature frames an output frame, as sherpa-onnx assumes them of a `zipformer_ctc` where it tells times."""

_EXAMPLE = """\
import sherpa_onnx, soundfile
recognizer = sherpa_onnx.OfflineRecognizer.from_zipformer_ctc(
    model="model.onnx", tokens="tokens.txt", sample_rate={sample_rate}, feature_dim={num_mel_bins})
samples, rate = soundfile.read("speech.wav", dtype="float32")  # one channel, any rate
stream = recognizer.create_stream(); stream.accept_waveform(rate, samples)
recognizer.decode_stream(stream); print(stream.result.text)
"""

_WEIGHTS = {
    "raw": "The weights are those that the last step left.",
    "ema": "The weights are the exponential moving average (EMA) of training's: `optimizer.ema_decay`.",
}


def render(
    facts: Mapping[str, Any], *, scores: Mapping[str, Score], sentences: Sequence[str], hashes: Mapping[str, str]
) -> str:
    """README.md of a bundle.

    Args:
        facts: as in config.json.
        scores: by set, `validation` and perhaps `test`.
        sentences: one for each comparison that was made, or was left out.
        hashes: SHA-256 by name.
    """
    features = facts["features"]
    sections = [
        f"# CTC speech recogniser, {code(facts['model']['target'])}",
        f"{code(facts['source'])}, exported by tune_asr {facts['versions']['tune_asr']}. {features['sample_rate']:,} "
        f"Hz, {features['num_mel_bins']} mel bins, {len(facts['vocabulary']) - 1} symbols and the blank.",
        "## How good",
        table(("set", "utterances", "words", "WER", "CER", "95 % interval"), _score_rows(scores)),
        "Errors are summed over the set. The interval is a bootstrap over utterances (Bisani and Ney, 2004). "
        f"References are normalised first: {settings(facts['normaliser'])}. " + _test_sentence(scores, facts),
        f"Fingerprint of the training and validation data: {code(facts['data_fingerprint'] or 'none')}.",
        "## How to run it",
        f"With [sherpa-onnx](https://github.com/k2-fsa/sherpa-onnx), in this folder:\n\n```python\n"
        f"{_EXAMPLE.format(**features)}```",
        _input_sentence(facts),
        "In PyTorch: `tune_asr.export.weights.load(folder)` verifies the files and gives the Lightning module.",
        "## How it was checked",
        "\n".join(f"- {sentence}" for sentence in sentences),
        "## How it was trained",
        f"{_weights(facts)}{_start(facts['initial_weights'])}",
        table(("section", "settings"), ((name, settings(section)) for name, section in _sections(facts).items())),
        "## Files",
        table(("file", "SHA-256"), ((code(name), code(sha256)) for name, sha256 in hashes.items())),
        "`config.json` holds these and that of this card; `python -m tune_asr.export --verify FOLDER` checks all.",
    ]
    return "\n\n".join(sections) + "\n"


def _weights(facts: Mapping[str, Any]) -> str:
    """After how many epochs of which horizon the model has its weights, and whether they are the raw ones."""
    epochs, horizon = facts["averaged_epochs"], facts["training"]["trainer"]["max_epochs"]
    of = f"of a horizon of {horizon} (`trainer.max_epochs`), seed {facts['seed']}."
    if epochs:
        return f"The weights are the mean of those after the epochs {', '.join(map(str, epochs))} {of}"
    return f"Trained for {facts['epoch']} epoch{'s' if facts['epoch'] > 1 else ''} {of} {_WEIGHTS[facts['weights']]}"


def _start(initial: Mapping[str, Any] | None) -> str:
    """What the training started from, where that is known to be other than weights drawn at random."""
    if initial is None:
        return ""
    known = f"SHA-256 {code(initial['sha256'])}" if initial["sha256"] else "its SHA-256 is not on record"
    return f" Training started from the weights of {code(initial['file'])} (`model.init_from`; {known})."


def _sections(facts: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The sections of the configuration, by name."""
    return {"model": facts["model"], "features": facts["features"], **facts["training"]}


def code(text: str) -> str:
    """Text that may be anybody's, as a Markdown code span on one line that nothing leaves."""
    return f"`{printable(text).replace('`', chr(39)).replace('|', '/')}`"


def settings(section: Mapping[str, Any]) -> str:
    """The keys of a section and their values."""
    return ", ".join(f"{key} {code(_shown(value))}" for key, value in section.items())


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _score_rows(scores: Mapping[str, Score]) -> Iterator[tuple[str, ...]]:
    for name, score in scores.items():
        counts, interval = score.counts, f"{score.metric} {score.low:.2%} to {score.high:.2%}"
        rates = f"{counts.wer:.2%}", f"{counts.cer:.2%}"
        yield name, f"{score.num_utterances:,}", f"{counts.words:,}", *rates, interval


def _test_sentence(scores: Mapping[str, Score], facts: Mapping[str, Any]) -> str:
    dropped = facts.get("test_rows_dropped")
    told = f" Bad rows of its manifest that were left out (`data.skip_bad`): {dropped}." if dropped else ""
    return _fairness(scores, facts) + told


def _fairness(scores: Mapping[str, Score], facts: Mapping[str, Any]) -> str:
    if seen := facts.get("test_recordings_seen"):
        return (
            f"{seen} of the {scores['test'].num_utterances} test recordings stand in the training or validation data "
            "too, whole or in part, so the test score is no fair one."
        )
    if "test" in scores:
        return "The test set took no part in training or in the choice of the model, and was scored at this export."
    return "There was no test set: the model was chosen by its validation score, which is therefore optimistic."


def _input_sentence(facts: Mapping[str, Any]) -> str:
    features, subsampling = facts["features"], facts["subsampling"]
    sentence = (
        f"Without it: `x` (N, T, {features['num_mel_bins']}) float32 is Kaldi log-mel (25 ms windows every 10 ms, "
        f"samples in [-1, 1], no dither, edges reflected, 20 Hz to {features['sample_rate'] // 2 - 400:,} Hz), and "
        "`x_lens` (N,) int64 its frames; out come `log_probs` (N, T', V) and `log_probs_len` (N,), an output frame for "
        f"{subsampling} of them. The best symbol of each frame, repeats merged, `<blk>` dropped and `▁` read "
        "as a space, is the text."
    )
    if subsampling != SHERPA_SUBSAMPLING:
        sentence += (
            f" sherpa-onnx takes every such model for one of {SHERPA_SUBSAMPLING} frames: multiply its timestamps by "
            f"{subsampling / SHERPA_SUBSAMPLING:g}."
        )
    return sentence


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
