"""Model card: scores, checks, training and use of a model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tune_asr import __version__
from tune_asr.export.facts import Facts
from tune_asr.inference.seal import Json, Settings
from tune_asr.wording import count, printable

SHERPA_SUBSAMPLING = 4
"""Feature frames per output frame that sherpa-onnx assumes for the timestamps of a `zipformer_ctc`."""

_EXAMPLE = """\
import sherpa_onnx, soundfile
recognizer = sherpa_onnx.OfflineRecognizer.from_zipformer_ctc(
    model="model.onnx", tokens="tokens.txt", sample_rate={sample_rate}, feature_dim={num_mel_bins})
samples, rate = soundfile.read("speech.wav", dtype="float32")  # one channel, any rate
stream = recognizer.create_stream(); stream.accept_waveform(rate, samples)
recognizer.decode_stream(stream); print(stream.result.text)
"""

_WEIGHTS = {
    "raw": "The weights are those after the last step.",
    "ema": "The weights are an exponential moving average (EMA) over the training: `optimizer.ema_decay`.",
}


def render(facts: Facts, hashes: Mapping[str, str]) -> str:
    """Return the text of README.md.

    Args:
        facts: facts about the recogniser.
        hashes: SHA-256 of the other files, by name.
    """
    features, recorded = facts.recorded.config.features, facts.recorded
    sections = [
        f"# CTC speech recogniser, {code(recorded.config.model.target)}",
        f"{code(recorded.name)}, exported by tune_asr {__version__}. {features.sample_rate:,} Hz, "
        f"{features.num_mel_bins} mel bins, {len(facts.blueprint.vocabulary) - 1} symbols and the blank.",
        "## How good",
        table(("set", "utterances", "words", "WER", "CER", "95 % interval"), _score_rows(facts)),
        "Errors are summed over the set. The interval is a bootstrap over utterances (Bisani and Ney, 2004). "
        f"References are normalised first: {settings(facts.blueprint.normaliser)}. {_fairness(facts)}{_dropped(facts)}",
        f"Fingerprint of the training and validation data: {code(recorded.fingerprint or 'none')}.",
        "## How to run it",
        f"With [sherpa-onnx](https://github.com/k2-fsa/sherpa-onnx), in this folder:\n\n```python\n"
        f"{_EXAMPLE.format(sample_rate=features.sample_rate, num_mel_bins=features.num_mel_bins)}```",
        _inputs(facts),
        "In PyTorch: `tune_asr.export.weights.load(folder)` verifies the files and returns the Lightning module.",
        "## How it was checked",
        "\n".join(f"- {sentence}" for sentence in facts.checks),
        "## How it was trained",
        f"{_weights(facts)}{_start(facts)}",
        table(("section", "settings"), ((name, settings(section)) for name, section in _sections(facts).items())),
        "## Files",
        table(("file", "SHA-256"), ((code(name), code(sha256)) for name, sha256 in hashes.items())),
        "`config.json` holds these hashes and that of this card; `python -m tune_asr.export --verify FOLDER` checks "
        "all of them.",
    ]
    return "\n\n".join(sections) + "\n"


def _score_rows(facts: Facts) -> Iterator[tuple[str, ...]]:
    for name, score in facts.scores.items():
        counts, interval = score.counts, f"{score.name} {score.low:.2%} to {score.high:.2%}"
        rates = f"{counts.wer:.2%}", f"{counts.cer:.2%}"
        yield name, f"{score.num_utterances:,}", f"{counts.words:,}", *rates, interval


def _fairness(facts: Facts) -> str:
    """Describe the independence of the scores."""
    if facts.test is None:
        return "There was no test set: the model was chosen by its validation score, which is therefore optimistic."
    if facts.test.num_seen:
        return (
            f"{facts.test.num_seen} of the {facts.test.score.num_utterances} test recordings occur, whole or in part, "
            "in the training or validation data too, so the test score is optimistic."
        )
    return "The test set took no part in training or in the choice of the model. It was scored at this export."


def _dropped(facts: Facts) -> str:
    if facts.test is None or not facts.test.num_dropped:
        return ""
    return f" Bad rows of its manifest that were left out (`data.skip_bad`): {facts.test.num_dropped}."


def _inputs(facts: Facts) -> str:
    """Describe inputs and outputs of the model."""
    features, subsampling = facts.recorded.config.features, facts.subsampling
    sentence = (
        f"Without it: `x` (N, T, {features.num_mel_bins}) float32 is Kaldi log-mel (25 ms windows every 10 ms, "
        f"samples in [-1, 1], no dither, edges reflected, 20 Hz to {features.sample_rate // 2 - 400:,} Hz), and "
        "`x_lens` (N,) int64 its numbers of frames. The outputs are `log_probs` (N, T', V) and `log_probs_len` (N,), "
        f"one output frame per {subsampling} feature frames. For the text, take the best symbol of each frame, merge "
        "repeats, drop `<blk>` and read `▁` as a space."
    )
    if subsampling != SHERPA_SUBSAMPLING:
        sentence += (
            f" sherpa-onnx assumes {SHERPA_SUBSAMPLING} feature frames: multiply its timestamps by "
            f"{subsampling / SHERPA_SUBSAMPLING:g}."
        )
    return sentence


def _weights(facts: Facts) -> str:
    """Describe the length of the training and the weights."""
    recorded, config = facts.recorded, facts.recorded.config
    of = f"of a horizon of {config.trainer.max_epochs} (`trainer.max_epochs`), seed {config.seed}."
    if epochs := recorded.averaged_epochs:
        return f"The weights are the mean of those after the epochs {', '.join(map(str, epochs))} {of}"
    return f"Trained for {count(recorded.figures.epoch, 'epoch')} {of} {_WEIGHTS[config.checkpoint.weights]}"


def _start(facts: Facts) -> str:
    """Name the initial weights; empty for random ones."""
    initial, sha256 = facts.recorded.config.initial_weights, facts.recorded.initial_sha256
    if initial is None:
        return ""
    known = f"SHA-256 {code(sha256)}" if sha256 else "its SHA-256 is not on record"
    return f" Training started from the weights of {code(initial.name)} (`model.init_from`; {known})."


def _sections(facts: Facts) -> dict[str, Settings]:
    return {"model": facts.blueprint.model, "features": facts.blueprint.features, **facts.training}


def code(text: str) -> str:
    """Make a one-line Markdown code span of any text."""
    return f"`{printable(text).replace('`', chr(39)).replace('|', '/')}`"


def settings(section: Settings) -> str:
    """List the keys of a section and their values."""
    return ", ".join(f"{key} {code(_value(value))}" for key, value in section.items())


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _value(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
