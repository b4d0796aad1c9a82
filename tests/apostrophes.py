"""Recordings whose transcripts are normalised otherwise since release 0.1.0, and their fingerprint."""

import json
import wave
from pathlib import Path

TEXTS = ["Don’t stop", "donʼt go", "o‘zbek l’été", "ทำ ok", "10² go", "l·l it’s", "stop it", "go’n don't"]
FINGERPRINT_OF_0_1_0 = "603549d61d219d7ce8691ed4cbedb8f6a914b6e521c123215796157c1521057d"
"""`data_fingerprint` that release 0.1.0 itself wrote into the search.yaml of a search on these files."""


def write_recordings(folder: Path) -> None:
    """Write train.jsonl and val.jsonl with square waves, byte by byte the same on every machine."""
    for split, texts in (("train", TEXTS), ("val", TEXTS[:4])):
        rows = []
        for number, text in enumerate(texts):
            with wave.open(str(folder / f"{split}{number}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                samples = [3000 if (i // (4 + number)) % 2 else -2000 - i % 7 for i in range(9000)]
                file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
            rows.append(json.dumps({"audio_filepath": f"{split}{number}.wav", "text": text}))
        (folder / f"{split}.jsonl").write_text("\n".join(rows))
