"""Transcribe recordings from stdin by sherpa-onnx.

    python sherpa_client.py model.onnx tokens.txt SAMPLE_RATE NUM_MEL_BINS

It is a program of its own, since sherpa-onnx ends its process on bad metadata. Each recording is a line `rate count`,
then `count` samples in float32. Each text is a line with a JSON string. Nothing of tune_asr is imported: the program
does what any user of the bundle does.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import sherpa_onnx


def main() -> None:
    """Transcribe recordings until stdin ends."""
    model, tokens, sample_rate, num_mel_bins = sys.argv[1:]
    recognizer = sherpa_onnx.OfflineRecognizer.from_zipformer_ctc(
        model=model, tokens=tokens, sample_rate=int(sample_rate), feature_dim=int(num_mel_bins)
    )
    while line := sys.stdin.buffer.readline():
        rate, count = map(int, line.split())
        stream = recognizer.create_stream()
        stream.accept_waveform(rate, np.frombuffer(sys.stdin.buffer.read(4 * count), np.float32))
        recognizer.decode_stream(stream)
        print(json.dumps(stream.result.text), flush=True)


if __name__ == "__main__":
    main()
