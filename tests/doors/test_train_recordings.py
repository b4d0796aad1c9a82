"""`train` on recordings of any rate, in any manifest format."""

import csv
import json

import numpy as np
import pytest
import soundfile

ROWS = [(f"clips/{i}.{'flac' if i % 2 else 'wav'}", "ab ba", 44_100 if i % 2 else 8000, 1 + i % 2) for i in range(12)]


@pytest.fixture
def recordings(train):
    """Write twelve recordings of two seconds, a third for validation.

    They are 8 kHz mono and 44.1 kHz stereo in turn.
    """
    (train.root / "clips").mkdir()
    for i, (path, _, rate, channels) in enumerate(ROWS):
        random = np.random.default_rng(i)
        soundfile.write(train.root / path, random.normal(0, 0.1, (2 * rate, channels)), rate)
    return train


def write(door, ending, rows=ROWS):
    """Write manifests in a format, and their configuration."""
    for name, part in (("train", rows[:8]), ("val", rows[8:])):
        with (door.root / f"{name}.{ending}").open("w", newline="") as file:
            if ending == "jsonl":
                file.writelines(json.dumps({"audio_filepath": path, "text": text}) + "\n" for path, text, *_ in part)
                continue
            table = csv.writer(file, delimiter="\t" if ending == "tsv" else ",")
            table.writerows([("audio_filepath", "text"), *(row[:2] for row in part)])
    data = {"target": "manifest", "train": f"train.{ending}", "val": f"val.{ending}", "batch_size": 4}
    door.write(data=data, trainer={"max_epochs": 2})


def test_mixed_rates_and_channels(recordings):
    write(recordings, "jsonl")
    ended = recordings()
    assert "recordings: 6 at 44,100 Hz, resampled to 8,000 Hz" in ended.err
    assert "recordings: 6 with more than one channel, down-mixed to their mean" in ended.err
    assert ended.best["epoch"] in (1, 2)
    assert ended.best["checkpoint"] in recordings.files


def test_manifest_formats_train_alike(recordings):
    ends = []
    for ending in ("jsonl", "csv", "tsv"):
        write(recordings, ending)
        ends.append(recordings().best)
    assert ends[0] == ends[1] == ends[2]


def write_kaldi(door):
    """Write Kaldi directories of the same recordings."""
    for name, part in (("train", ROWS[:8]), ("val", ROWS[8:])):
        folder = door.root / f"kaldi/{name}"
        folder.mkdir(parents=True)
        (folder / "wav.scp").write_text("".join(f"{path} {door.root / path}\n" for path, *_ in part))
        (folder / "text").write_text("".join(f"{path} {text}\n" for path, text, *_ in reversed(part)))
    return "kaldi/train", "kaldi/val"


def write_common_voice(door):
    """Write Common Voice tables of the same recordings."""
    for name, part in (("train", ROWS[:8]), ("dev", ROWS[8:])):
        rows = (f"x\t{path.removeprefix('clips/')}\t{text}\n" for path, text, *_ in part)
        (door.root / f"{name}.tsv").write_text("client_id\tpath\tsentence\n" + "".join(rows))
    return "train.tsv", "dev.tsv"


def write_segments(door):
    """Write rows of parts, each a whole recording."""
    for name, part in (("train", ROWS[:8]), ("val", ROWS[8:])):
        rows = ({"audio_filepath": path, "text": text, "offset": 0, "duration": 2} for path, text, *_ in part)
        (door.root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "train.jsonl", "val.jsonl"


@pytest.mark.parametrize("make", [write_kaldi, write_common_voice, write_segments])
def test_other_toolkits_train_alike(recordings, make):
    write(recordings, "jsonl")
    wanted = recordings().best
    train, val = make(recordings)
    assert recordings(f"data.train={train}", f"data.val={val}").best == wanted


def test_held_out_validation(recordings):
    write(
        recordings, "jsonl", [(path, f"ab {'ab'[i % 2] * (i + 1)}", *rest) for i, (path, _, *rest) in enumerate(ROWS)]
    )
    ended = recordings("data.val={hold_out: 0.4, by: text}", "data.max_frames_in_batch=900")
    assert "of 8 utterances of data.train are held out (0.4 by text" in " ".join(ended.err.split())
    assert recordings("data.val={hold_out: 0.4, by: text}", "data.max_frames_in_batch=900").best == ended.best


def test_uncached_features_train_alike(recordings):
    write(recordings, "jsonl")
    assert recordings("features.max_cache_gb=0").best == recordings().best


def test_manifest_formats_share_fingerprint(recordings):
    from tune_asr.config.load import load_config
    from tune_asr.corpus.sources import survey

    fingerprints = set()
    for ending in ("jsonl", "csv", "tsv"):
        write(recordings, ending)
        fingerprints.add(survey(load_config(recordings.root / "config.yaml")).corpus.fingerprint)
    assert len(fingerprints) == 1


def test_bad_rows_are_collected(recordings):
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
        assert ended.refusal.count(place) == 1, ended.err
    assert not (recordings.root / "artifacts").exists()


def test_missing_manifests(train):
    train.write(data={"target": "manifest", "train": "nowhere.jsonl", "val": "neither.jsonl"})
    ended = train(expect=3)
    assert "nowhere.jsonl" in ended.err
    assert "neither.jsonl" in ended.err


def test_long_transcript_names_subsampling(recordings):
    write(recordings, "jsonl", [(ROWS[0][0], "ab" * 60), *ROWS[1:]])
    ended = recordings(expect=3)
    assert "1 of 8 training utterances" in ended.err
    assert "Lower model.subsampling, which is 4" in ended.err
