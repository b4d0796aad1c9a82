"""Check by sherpa-onnx, an independent client, on the validation set."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tune_asr.errors import StorageError
from tune_asr.export.agreement import Agreement, Decoded, Disagreement, compare
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.samples import samples_of
from tune_asr.training.features.log_mel import resample
from tune_asr.wording import printable

TIE = 1e-2
"""Lead of a symbol below which two are tied, in nats.

sherpa-onnx computes its own features, which differ from those of torchaudio by up to 1e-3.
"""

Recording = tuple[npt.NDArray[np.float32], int]
"""Samples in [-1, 1] and their rate in Hz."""

_CLIENT = Path(__file__).with_name("sherpa_client.py")
_SECOND_OF_SILENCE = 1


def is_installed() -> bool:
    """Return whether sherpa-onnx is installed."""
    return importlib.util.find_spec("sherpa_onnx") is not None


def transcribe(model: Path, tokens: Path, recordings: Iterable[Recording], *, rate: int, bins: int) -> list[str]:
    """Transcribe recordings by sherpa-onnx, in a process of its own.

    Args:
        model: path of model.onnx.
        tokens: path of tokens.txt.
        recordings: recordings to transcribe.
        rate: sample rate of the features, in Hz.
        bins: number of mel bins of the features.

    Raises:
        Disagreement: sherpa-onnx refuses the model.
    """
    command = [sys.executable, "-P", str(_CLIENT), str(model), str(tokens), str(rate), str(bins)]
    # Files instead of pipes: the client never waits for us to read its output.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err)
        assert client.stdin is not None
        num_sent = 0
        try:
            with client.stdin as pipe:
                for samples, sample_rate in recordings:
                    pipe.write(f"{sample_rate} {len(samples)}\n".encode() + samples.astype("<f4").tobytes())
                    num_sent += 1
        except BrokenPipeError:  # it has ended: its stderr gives the reason
            pass
        finally:
            code = client.wait()
        out.seek(0)
        err.seek(0)
        texts = [json.loads(line) for line in out.read().splitlines()] if code == 0 else []
        lines = err.read().decode(errors="replace").strip().splitlines()
    if code != 0 or len(texts) != num_sent:
        why = printable(lines[-1]) if lines else "without a message"
        raise Disagreement(f"sherpa-onnx refuses the model (exit code {code}), so nothing was written: {why}")
    return texts


def check(
    model: Path, tokens: Path, transcripts: Sequence[Decoded], recorded: Sequence[Utterance], *, rate: int, bins: int
) -> list[Agreement]:
    """Compare the texts of sherpa-onnx with those of PyTorch.

    Recordings at another sample rate are resampled by us, as in training. A second pass leaves that to sherpa-onnx,
    which has another resampler, only to count how often it matters.

    Args:
        model: path of model.onnx.
        tokens: path of tokens.txt.
        transcripts: transcripts by PyTorch.
        recorded: recordings of these utterances, in any order.
        rate: sample rate of the features, in Hz.
        bins: number of mel bins of the features.

    Raises:
        Disagreement: sherpa-onnx refuses the model, or makes another text of an utterance.
        DataError: a recording can no longer be read.
    """
    by_id = {utterance.id: utterance for utterance in recorded}
    ours = [by_id[transcript.id] for transcript in transcripts]
    resampled = ((resample(*samples_of(utterance), rate).numpy(), rate) for utterance in ours)
    texts = transcribe(model, tokens, resampled, rate=rate, bins=bins)
    found = [compare("sherpa-onnx", transcripts, texts, tie=TIE)]
    other = [i for i, utterance in enumerate(ours) if samples_of(utterance)[1] != rate]
    if other:
        texts = transcribe(model, tokens, (samples_of(ours[i]) for i in other), rate=rate, bins=bins)
        some = [transcripts[i] for i in other]
        name = "sherpa-onnx, other rates, resampled by itself"
        found.append(compare(name, some, texts, tie=TIE, must_agree=False))
    return found


def check_loads(model: Path, tokens: Path, *, rate: int, bins: int) -> None:
    """Let sherpa-onnx load a model and decode silence.

    Raises:
        Disagreement: sherpa-onnx refuses the model.
    """
    silence = np.zeros(_SECOND_OF_SILENCE * rate, np.float32)
    transcribe(model, tokens, [(silence, rate)], rate=rate, bins=bins)


def write_tokens(path: Path, vocab: Sequence[str], blank_id: int) -> None:
    """Write tokens.txt as sherpa-onnx reads it.

    Each line is `symbol id`, with the blank as `<blk>` and a space as `▁`. sherpa-onnx reads a `▁` at the beginning of
    a symbol as a space, as word pieces have it.

    Raises:
        StorageError: two symbols have the same spelling.
    """
    names = ["<blk>" if i == blank_id else symbol.replace(" ", "▁") for i, symbol in enumerate(vocab)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise StorageError(
            f"the vocabulary has {twice[0]!r} twice in the spelling of tokens.txt, where ▁ is a space",
            hint="Remove one of the two symbols.",
        )
    path.write_text("".join(f"{name} {i}\n" for i, name in enumerate(names)), encoding="utf-8")
