"""`train` on recordings: whatever rate and channels they have, whatever format lists them."""

import csv
import json

import numpy as np
import pytest
import soundfile

ROWS = [(f"clips/{i}.{'flac' if i % 2 else 'wav'}", "ab ba", 44_100 if i % 2 else 8000, 1 + i % 2) for i in range(12)]


@pytest.fixture
def recordings(train):
    """Twelve recordings of two seconds, in turn 8 kHz mono and 44.1 kHz stereo; a third of them for validation."""
    (train.root / "clips").mkdir()
    for i, (path, _, rate, channels) in enumerate(ROWS):
        random = np.random.default_rng(i)
        soundfile.write(train.root / path, random.normal(0, 0.1, (2 * rate, channels)), rate)
    return train


def write(door, ending, rows=ROWS):
    """The manifests train.ENDING and val.ENDING, and the configuration that names them."""
    for name, part in (("train", rows[:8]), ("val", rows[8:])):
        with (door.root / f"{name}.{ending}").open("w", newline="") as file:
            if ending == "jsonl":
                file.writelines(json.dumps({"audio_filepath": path, "text": text}) + "\n" for path, text, *_ in part)
                continue
            table = csv.writer(file, delimiter="\t" if ending == "tsv" else ",")
            table.writerows([("audio_filepath", "text"), *(row[:2] for row in part)])
    data = {"target": "manifest", "train": f"train.{ending}", "val": f"val.{ending}", "batch_size": 4}
    door.write(data=data, trainer={"max_epochs": 2})


def test_mixed_rates_and_channels_train_and_are_reported(recordings):
    write(recordings, "jsonl")
    ended = recordings()
    assert "recordings: 6 at 44,100 Hz, resampled to 8,000 Hz" in ended.out
    assert "recordings: 6 with more than one channel, down-mixed to their mean" in ended.out
    assert ended.best["epoch"] in (1, 2)
    assert ended.best["checkpoint"] in recordings.files


def test_jsonl_csv_and_tsv_give_the_same_training(recordings):
    ends = []
    for ending in ("jsonl", "csv", "tsv"):
        write(recordings, ending)
        ends.append(recordings().best)
    assert ends[0] == ends[1] == ends[2]


def test_jsonl_csv_and_tsv_are_the_same_data(recordings):
    from tune_asr.config.load import load_config
    from tune_asr.training.corpus import survey

    fingerprints = set()
    for ending in ("jsonl", "csv", "tsv"):
        write(recordings, ending)
        fingerprints.add(survey(load_config(recordings.root / "config.yaml")).corpus.fingerprint)
    assert len(fingerprints) == 1


def test_every_bad_row_is_told_at_once_with_exit_3(recordings):
    rows = list(ROWS)
    rows[1] = ("clips/missing.wav", "ab")
    rows[4] = (ROWS[4][0], "  ")
    rows[9] = ("clips/noise.wav", "ab")
    (recordings.root / "clips/noise.wav").write_bytes(b"no audio at all")
    write(recordings, "jsonl", rows)
    with (recordings.root / "train.jsonl").open("a") as file:
        file.write('{"audio_filepath": \n')
    ended = recordings(expect=3)
    for place in ("train.jsonl:2: ", "train.jsonl:5: ", "train.jsonl:9: ", "val.jsonl:2: "):
        assert ended.err.count(place) == 1, ended.err
    assert not (recordings.root / "artifacts").exists()


def test_a_dry_run_tells_bad_rows_too(recordings):
    write(recordings, "jsonl", [("clips/missing.wav", "ab"), *ROWS[1:]])
    assert "train.jsonl:1: " in recordings("--dry-run", expect=3).err


def test_a_manifest_that_is_not_there_is_exit_3(train):
    train.write(data={"target": "manifest", "train": "nowhere.jsonl", "val": "neither.jsonl"})
    ended = train(expect=3)
    assert "nowhere.jsonl" in ended.err
    assert "neither.jsonl" in ended.err


def test_a_transcript_too_long_for_its_recording_is_exit_3_with_the_way_out(recordings):
    write(recordings, "jsonl", [(ROWS[0][0], "ab" * 60), *ROWS[1:]])
    ended = recordings(expect=3)
    assert "1 of 8 training utterances" in ended.err
    assert "lower model.subsampling, which is 4" in ended.err
