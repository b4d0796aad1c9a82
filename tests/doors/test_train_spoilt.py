"""Corpus with two dozen kinds of bad rows."""

import json
import os

import numpy as np
import pytest
import soundfile

RATE = 8000


def spoilt_recordings(folder):
    """Write one recording for each kind of damage."""
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    soundfile.write(folder / "good.wav", noise, RATE)
    soundfile.write(folder / "whole.flac", noise, RATE)
    soundfile.write(folder / "whole.mp3", noise, RATE)
    for name in ("whole.flac", "whole.mp3", "good.wav"):
        content = (folder / name).read_bytes()
        (folder / f"cut-{name}").write_bytes(content[: len(content) // 2])
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("This is no recording at all.")
    (folder / "garbage.flac").write_bytes(bytes(range(256)) * 8)
    (folder / "directory.wav").mkdir()
    os.mkfifo(folder / "fifo.wav")
    soundfile.write(folder / "no-samples.wav", noise[:0], RATE)
    soundfile.write(folder / "blip.wav", noise[:100], RATE)
    soundfile.write(folder / "nan.wav", np.where(noise > 0, np.nan, noise), RATE, subtype="FLOAT")
    soundfile.write(folder / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(folder / "constant.flac", np.full(RATE, 0.25), RATE)
    soundfile.write(folder / "clipped.wav", np.clip(noise * 40, -1, 1), RATE)


def row(audio="good.wav", text="ab ba", **fields):
    return json.dumps({"audio_filepath": audio, "text": text, **fields}).encode()


WAYS = [
    (row("missing.wav"), "missing.wav does not exist"),
    (row("cut-whole.flac"), "is truncated or damaged: it cannot be decoded to its end"),
    (row("cut-whole.mp3"), "is truncated: "),
    (row("cut-good.wav"), "is truncated: the file ends before the samples that its header declares"),
    (row("empty.wav"), "empty.wav is empty"),
    (row("text.wav"), "text.wav is no audio (text: 'This is no recording at all.')"),
    (row("garbage.flac"), "garbage.flac cannot be read as audio"),
    (row("directory.wav"), "is a directory, not a file"),
    (row("fifo.wav"), "is a FIFO, a socket or a device, not a file"),
    (row("no-samples.wav"), "holds no samples"),
    (row("blip.wav"), "less than one window of 25 ms"),
    (row("nan.wav"), "holds NaN or infinite samples"),
    (row("silent.wav"), "is silent: every sample is 0"),
    (row("constant.flac"), "is silent: every sample is 0.25"),
    (row("clipped.wav"), "of its samples stand at full scale"),
    (row()[:-1], "not JSON: "),
    (b'{"audio_filepath": "good.wav"}', '"text" is missing'),
    (b'{"audio": "good.wav", "path": "blip.wav", "text": "ab"}', '"audio" and "path" name the same field'),
    (row(text=""), '"text" is empty'),
    (row(text="?!"), "is empty once normalised: text.punctuation: remove leaves nothing of it"),
    (row(text="a\x07b"), "has the control character U+0007 in place 2"),
    (row(id="good-0"), "\"id\" is 'good-0', as in line 1"),
    (row(duration=-1), '"duration" is -1, but must be a positive number of seconds'),
    (row(duration=7.5), "lasts 1 s, but its row says 7.5 s"),
    (row(offset=1.5, duration=0.5), "lasts 1 s, but its row asks for 1.5 s to 2 s"),
    (row(offset=0.9, duration=0.5), "lasts 1 s, but its row asks for 0.9 s to 1.4 s"),
    (row(offset=0, duration=float("nan")), '"duration" is NaN'),
    (row().replace(b"ab", b"\xe9"), "not UTF-8: byte 0xe9"),
    (row().decode().encode("utf-16"), "holds a NUL byte, as UTF-16 does"),
    (row()[:20] + b"\0" + row()[20:], "holds a NUL byte"),
]
GOOD = 12


@pytest.fixture
def spoilt(train):
    """Write manifests with good rows, then bad ones.

    train.jsonl has a byte order mark and carriage returns; val.jsonl has one more bad row.
    """
    spoilt_recordings(train.root)
    good = [row(id=f"good-{i}") for i in range(GOOD)]
    bad = [way for way, _ in WAYS]
    content = b"\xef\xbb\xbf" + b"".join(line + b"\r\n" for line in good + bad)
    (train.root / "train.jsonl").write_bytes(content)
    val = [row(text="ab zab"), row("missing.wav"), row(text="ab" * 60), *good[1:3]]
    (train.root / "val.jsonl").write_bytes(b"\n".join(val))
    data = {"target": "manifest", "train": "train.jsonl", "val": "val.jsonl", "batch_size": 4}
    train.write(data=data, trainer={"max_epochs": 1}, logging={"tensorboard": False})
    return train


def test_first_bad_rows_are_listed(spoilt):
    ended = spoilt("--dry-run", expect=3)
    told = ended.err.splitlines()
    for number, (_, reason) in enumerate(WAYS[:20], start=GOOD + 1):
        (line,) = (line for line in told if f"train.jsonl:{number}: " in line)
        assert reason in line, line
    assert told[20:22] == [f"... and {len(WAYS) - 19} more", f"{len(WAYS) + 1} bad rows in all"]
    assert len(told) == 23 and "data.skip_bad: true" in told[22]
    report = " ".join(ended.out.split())
    # Not bad rows but facts about the ruler, and where to look for them.
    assert f"z U+007A 1 {spoilt.root}/val.jsonl:1" in report
    assert "1 of 4 validation utterances (25.0 %) have more characters than the model has output frames" in report
    assert f"output frames: {spoilt.root}/val.jsonl:3" in report
    assert f"bad rows: {len(WAYS) + 1}" in report


def test_skip_bad_records_dropped_rows(spoilt):
    ended = spoilt("data.skip_bad=true", "data.max_bad_fraction=0.8")
    report = " ".join(ended.err.split())
    assert f"bad rows: {len(WAYS) + 1}, dropped (data.skip_bad)" in report
    assert "1 of 5 rows of VALIDATION are dropped; compare the WER" in report
    path = spoilt.root / "artifacts/logs/skipped_rows.jsonl"
    assert f"skipped {len(WAYS) + 1} bad rows, listed in artifacts/logs/skipped_rows.jsonl" in report
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    places = [f"train.jsonl:{number}" for number in range(GOOD + 1, GOOD + 1 + len(WAYS))] + ["val.jsonl:2"]
    assert [entry["place"].rpartition("/")[2] for entry in recorded] == places
    for entry, (_, reason) in zip(recorded, WAYS, strict=False):
        assert reason in entry["reason"]
    assert ended.best["epoch"] == 1


def test_dropped_rows_leave_no_trace(spoilt):
    skipped = spoilt("data.skip_bad=true", "data.max_bad_fraction=0.8").best
    good = [row(id=f"good-{i}") for i in range(GOOD)]
    (spoilt.root / "train.jsonl").write_bytes(b"\n".join(good))
    lines = (spoilt.root / "val.jsonl").read_bytes().split(b"\n")
    (spoilt.root / "val.jsonl").write_bytes(b"\n".join([lines[0], *lines[2:]]))
    assert spoilt("data.skip_bad=true").best == skipped


def test_too_many_bad_rows_are_refused(spoilt):
    ended = spoilt("data.skip_bad=true", expect=3)
    told = f"train.jsonl: {len(WAYS)} of {GOOD + len(WAYS)} rows (71.4%) are bad, but data.skip_bad drops at most"
    assert told in ended.err
    assert "data.max_bad_fraction, 0.05" in ended.err
    assert f"train.jsonl:{GOOD + 1}: " in ended.err
    assert "val.jsonl: 1 of 5 rows (20.0%) are bad" in ended.err
    assert not (spoilt.root / "artifacts").exists()


def test_dry_run_writes_nothing(spoilt):
    before = spoilt.files
    spoilt("--dry-run", "data.skip_bad=true", "data.max_bad_fraction=1")
    assert spoilt.files == before
