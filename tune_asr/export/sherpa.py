"""sherpa-onnx, a client nobody here wrote, over the recordings of the validation set."""

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
from tune_asr.training.features.log_mel import resample
from tune_asr.training.features.sources import samples_of
from tune_asr.wording import printable

TIE = 1e-2
"""Nats. sherpa-onnx computes its own features, which differ from torchaudio's by up to 1e-3."""

Recording = tuple[npt.NDArray[np.float32], int]
"""Samples in [-1, 1] and their rate in Hz."""

_CLIENT = Path(__file__).with_name("sherpa_client.py")
_SECOND_OF_SILENCE = 1


def is_installed() -> bool:
    """Whether there is a sherpa-onnx to ask."""
    return importlib.util.find_spec("sherpa_onnx") is not None


def transcribe(model: Path, tokens: Path, recordings: Iterable[Recording], *, rate: int, bins: int) -> list[str]:
    """The texts that sherpa-onnx makes of recordings.

    Args:
        model: model.onnx.
        tokens: tokens.txt.
        recordings: what is to be recognised.
        rate: of the features, Hz.
        bins: mel bins of the features.

    Raises:
        Disagreement: sherpa-onnx refuses the model.
    """
    command = [sys.executable, "-P", str(_CLIENT), str(model), str(tokens), str(rate), str(bins)]
    # Files and not pipes: the client may talk as much as it likes without waiting for us.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err)
        assert client.stdin is not None
        num_sent = 0
        try:
            with client.stdin as pipe:
                for samples, sample_rate in recordings:
                    pipe.write(f"{sample_rate} {len(samples)}\n".encode() + samples.astype("<f4").tobytes())
                    num_sent += 1
        except BrokenPipeError:  # it has ended, and says why below
            pass
        finally:
            code = client.wait()
        out.seek(0)
        err.seek(0)
        texts = [json.loads(line) for line in out.read().splitlines()] if code == 0 else []
        said = err.read().decode(errors="replace").strip().splitlines()
    if code != 0 or len(texts) != num_sent:
        why = printable(said[-1]) if said else "without a word"
        raise Disagreement(f"sherpa-onnx does not take the model (exit code {code}): {why}: nothing was written")
    return texts


def check(
    model: Path, tokens: Path, utterances: Sequence[Decoded], recorded: Sequence[Utterance], *, rate: int, bins: int
) -> list[Agreement]:
    """Compare sherpa-onnx's texts with PyTorch's.

    Recordings at another rate than the features' are resampled by us, as in training; and once more by sherpa-onnx,
    whose resampler is another one, only to count how often that matters.

    Args:
        model: model.onnx.
        tokens: tokens.txt.
        utterances: as PyTorch decodes them.
        recorded: their recordings, in any order.
        rate: of the features, Hz.
        bins: mel bins of the features.

    Raises:
        Disagreement: sherpa-onnx refuses the model, or makes another text of an utterance.
        DataError: a recording cannot be read any more.
    """
    by_id = {utterance.id: utterance for utterance in recorded}
    ours = [by_id[utterance.id] for utterance in utterances]
    resampled = ((resample(*samples_of(utterance), rate).numpy(), rate) for utterance in ours)
    texts = transcribe(model, tokens, resampled, rate=rate, bins=bins)
    found = [compare("sherpa-onnx", utterances, texts, tie=TIE)]
    other = [i for i, utterance in enumerate(ours) if samples_of(utterance)[1] != rate]
    if other:
        texts = transcribe(model, tokens, (samples_of(ours[i]) for i in other), rate=rate, bins=bins)
        some = [utterances[i] for i in other]
        name = "sherpa-onnx, other rates, resampled by itself"
        found.append(compare(name, some, texts, tie=TIE, must_agree=False))
    return found


def check_loads(model: Path, tokens: Path, *, rate: int, bins: int) -> None:
    """Let sherpa-onnx load a model and decode a second of silence: where there are no recordings to compare with.

    Raises:
        Disagreement: it refuses the model.
    """
    silence = np.zeros(_SECOND_OF_SILENCE * rate, np.float32)
    transcribe(model, tokens, [(silence, rate)], rate=rate, bins=bins)


def write_tokens(path: Path, vocab: Sequence[str], blank_id: int) -> None:
    """Write tokens.txt: `symbol id` a line, the blank as `<blk>`, a space as `▁`, as sherpa-onnx reads them.

    sherpa-onnx makes a space of a `▁` at the beginning of a symbol, where word pieces have theirs.

    Raises:
        StorageError: two symbols would be written the same way.
    """
    names = ["<blk>" if i == blank_id else symbol.replace(" ", "▁") for i, symbol in enumerate(vocab)]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise StorageError(f"the vocabulary has {twice[0]!r} twice in the spelling of tokens.txt: ▁ stands for a space")
    path.write_text("".join(f"{name} {i}\n" for i, name in enumerate(names)), encoding="utf-8")
