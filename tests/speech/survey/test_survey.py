from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from tune_asr.errors import DataError
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.survey import recordings
from tune_asr.speech.survey.manifests import survey_manifests
from tune_asr.speech.survey.remarks import Part, count_overlaps
from tune_asr.speech.survey.survey import Survey
from tune_asr.speech.text.normalizer import TextNormalizer

RATE = 8000


def record(folder: Path, name: str, seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(len(name)).normal(0, 0.1, (round(seconds * rate), channels))
    soundfile.write(path, samples, rate)
    return path


def manifest(folder: Path, split: str, *rows: tuple[str, str] | str) -> Path:
    lines = (row if isinstance(row, str) else json.dumps({"audio_filepath": row[0], "text": row[1]}) for row in rows)
    path = folder / f"{split}.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def survey(folder: Path, **settings) -> Survey:
    arguments = {"normalizer": TextNormalizer(), "sample_rate": RATE, "max_seconds": None, "subsampling": 4}
    return survey_manifests(folder / "train.jsonl", folder / "val.jsonl", **(arguments | settings))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("a", "b", "c", "d"):
        record(tmp_path, f"{name}.wav")
    manifest(tmp_path, "train", ("a.wav", "One, two."), ("b.wav", "Three"))
    manifest(tmp_path, "val", ("c.wav", "Two three"), ("d.wav", "four?"))
    return tmp_path


def test_kaldi_channels_and_places(tmp_path):
    """A recording of one channel has it, whatever its name; a bad transcript is in `text`."""
    record(tmp_path, "call.wav", channels=2)
    record(tmp_path, "mono.wav")
    files = {
        "wav.scp": "c-A call.wav\nc-B call.wav\nm-B mono.wav\n",
        "reco2file_and_channel": "c-A c A\nc-B c B\nm-B m B\n",
        "text": "m-B one\nc-B two\nc-A ?!\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    manifest(tmp_path, "val", ("mono.wav", "one"))
    found = survey_manifests(
        tmp_path,
        tmp_path / "val.jsonl",
        normalizer=TextNormalizer(),
        sample_rate=RATE,
        max_seconds=None,
        subsampling=4,
    )
    assert [u.audio for u in found.corpus.train] == [
        FileAudio(tmp_path / "call.wav", channel=1),
        FileAudio(tmp_path / "mono.wav"),
    ]
    [problem] = found.bad_rows
    assert problem.place == f"{tmp_path}/text:3"
    assert problem.what.startswith("c-A: the text '?!' is empty once normalised")


def test_missing_recording_names_the_near_one(data):
    manifest(data, "train", ("A.wav", "One"), ("b.wav", "Two"))
    [problem] = survey(data).bad_rows
    assert problem.what == f"{data}/A.wav does not exist; the file there differs in letter case: {data}/a.wav"


def test_rows_of_one_reason_are_one_sentence(data):
    """If nothing is left of a split; and no skipping is offered, which would not help."""
    manifest(data, "train", *((f"{n}.wav", "One") for n in range(30)))
    found = survey(data)
    place = f"{data}/train.jsonl:1: {data}/0.wav does not exist; 29 more rows of the file fail alike, lines 2 to 30"
    with pytest.raises(DataError) as error:
        found.check()
    hint = "Relative paths start at the folder of the manifest; LJSpeech's recordings are wavs/ID.wav there."
    assert str(error.value) == f"{place}\n    {hint}\nno utterance is left to train on"
    assert len(found.bad_rows) == 30
    assert "bad rows: 30" in found.render()
    assert "29 more rows of the file fail alike" in " ".join(found.render().split())


def test_good_manifests_make_a_corpus(data):
    found = survey(data)
    found.check()
    assert [(u.id, u.text, u.seconds) for u in found.corpus.train] == [("a", "one two", 1.0), ("b", "three", 1.0)]
    assert [u.audio for u in found.corpus.val] == [FileAudio(data / "c.wav"), FileAudio(data / "d.wav")]
    assert found.corpus.vocabulary.symbols == ("<blk>", " ", *sorted(set("onetwothree")))
    samples, rate = found.corpus.train[0].audio.samples()
    assert (samples.shape, rate) == ((RATE,), RATE)


def test_vanishing_recording_is_a_bad_row(data, monkeypatch):
    open_recording = recordings.open_recording

    def last_look(path):
        opened = open_recording(path)
        if path.name == "b.wav":
            path.unlink()
        return opened

    monkeypatch.setattr(recordings, "open_recording", last_look)
    with pytest.raises(DataError, match=r"train.jsonl:2: .*/b.wav cannot be read \(No such file or directory\)"):
        survey(data, decode=False).check()


def test_test_manifest_is_checked_only(data):
    record(data, "e.wav")
    without, test = survey(data), manifest(data, "test", ("e.wav", "one"), ("c.wav", "two three"))
    found = survey(data, test=test)
    found.check()
    assert found.corpus == without.corpus
    assert [utterance.id for utterance in found.test] == ["e", "c"]
    report = " ".join(found.render().split())
    assert "test: utterances 2, words 3, hours 0.00; scored once, by export" in report
    assert "test recordings also in training or validation, which makes the score too good: 1 ('c.wav')" in report


def test_bad_rows_of_test_manifest(data):
    test = manifest(data, "test", ("gone.wav", "one"), ("c.wav", "two"))
    with pytest.raises(DataError, match=r"test\.jsonl:1: .*gone\.wav"):
        survey(data, test=test).check()
    found = survey(data, test=test, skip_bad=0.5)
    found.check()
    assert [utterance.id for utterance in found.test] == ["c"]
    assert "VALIDATION" not in found.render()
    with pytest.raises(DataError, match=r"1 of 2 rows .* are bad"):
        survey(data, test=test, skip_bad=0.4).check()


def test_all_mistakes_name_their_lines(data):
    whole = record(data, "whole.flac", 1.0).read_bytes()
    (data / "cut.flac").write_bytes(whole[: len(whole) // 2])
    (data / "empty.wav").touch()
    (data / "text.wav").write_text("no audio")
    os.mkfifo(data / "fifo.wav")
    soundfile.write(data / "nan.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    record(data, "short.wav", 0.02)
    manifest(
        data,
        "train",
        ("a.wav", "One"),
        '{"audio_filepath": "b.wav", "text": "Two"',
        '{"audio_filepaht": "b.wav", "text": "Two"}',
        ("missing.wav", "Three"),
        ("a.wav", "...!"),
        ("", "x"),
        ("cut.flac", "four"),
        ("empty.wav", "?"),
    )
    manifest(
        data,
        "val",
        ("text.wav", "five"),
        ("fifo.wav", "six"),
        ("nan.wav", "seven"),
        ("short.wav", "eight"),
        ("c.wav", "nine"),
        (".", "ten"),
        '{"audio_filepath": "c.wav", "text": "x", "duration": -1}',
    )
    found = survey(data)
    with pytest.raises(DataError) as error:
        found.check()
    expected = [
        ("train.jsonl:2", "not JSON"),
        ("train.jsonl:3", '(is it "audio_filepaht"?)'),
        ("train.jsonl:4", f"{data}/missing.wav does not exist"),
        ("train.jsonl:5", "the text '...!' is empty once normalised: text.punctuation: remove leaves nothing of it"),
        ("train.jsonl:6", '"audio_filepath" is empty'),
        ("train.jsonl:7", "cut.flac is truncated or damaged"),
        ("train.jsonl:8", "empty.wav is empty; the text '?' is empty once normalised"),
        ("val.jsonl:1", "text.wav is no audio (text: 'no audio')"),
        ("val.jsonl:2", "fifo.wav is a FIFO"),
        ("val.jsonl:3", "nan.wav holds NaN or infinite samples"),
        ("val.jsonl:4", "short.wav lasts 0.02 s, less than one window of 25 ms"),
        ("val.jsonl:6", "is a directory"),
        ("val.jsonl:7", '"duration" is -1'),
    ]
    for problem, (place, what) in zip(error.value.problems[:-1], expected, strict=True):
        assert problem.place == f"{data}/{place}"
        assert what in problem.what
    assert str(error.value).endswith(
        "\n13 bad rows in all\n"
        "    Correct them, or drop them by data.skip_bad: true, up to data.max_bad_fraction of a manifest."
    )
    assert [u.id for u in found.corpus.train + found.corpus.val] == ["a", "c"]
    assert "bad rows: 13" in found.render()


def test_error_lists_20_bad_rows(data):
    manifest(data, "train", ("a.wav", "one"), *[(f"gone{i}.wav", "two") for i in range(1200)])
    test = manifest(data, "test", *[(f"gone{i}.wav", "two") for i in range(30)])
    with pytest.raises(DataError) as error:
        survey(data, test=test).check()
    lines = str(error.value).splitlines()
    assert [line.endswith(f"gone{i}.wav does not exist") for i, line in enumerate(lines)] == [True] * 20 + [False] * 3
    assert lines[20:22] == ["... and 1,210 more", "1,230 bad rows in all"]
    with pytest.raises(DataError) as error:  # too many of them to be dropped
        survey(data, skip_bad=0.1).check()
    lines = str(error.value).splitlines()
    assert len(lines) == 23
    assert "1,200 of 1,201 rows (99.9%) are bad, but data.skip_bad drops at most" in lines[21]


@pytest.mark.parametrize("split", ["train", "val"])
def test_report_without_a_split(data, split):
    manifest(data, split, ("gone.wav", "xyz"))
    report = " ".join(survey(data).render().split())
    assert "gone.wav does not exist" in report
    assert not any(word in report for word in ("not in training", "no model can learn", "vocabulary", "WER"))


def test_empty_text_names_its_setting(data):
    manifest(data, "train", ("a.wav", "12 34"), ("b.wav", "\u200b\u200b"))
    with pytest.raises(DataError) as error:
        survey(data, normalizer=TextNormalizer(digits="remove")).check()
    assert "text.digits: remove leaves nothing of it" in str(error.value)
    assert "it has no letter and no number" in str(error.value)
    assert "no utterance is left to train on" in str(error.value)


def test_all_unreadable_manifests_are_named(tmp_path):
    with pytest.raises(
        DataError,
        match=r"train\.jsonl: the manifest does not exist\n    Set data\.train, for (.|\n)*"
        r"val\.jsonl: the manifest does not exist\n    Set data\.val, for example --set data\.val=corpus/val\.jsonl\.",
    ):
        survey(tmp_path)


def test_max_seconds_spares_validation(data):
    record(data, "long.wav", 3.0)
    manifest(data, "train", ("a.wav", "one"), ("long.wav", "eleven"))
    manifest(data, "val", ("long.wav", "one eleven"))
    found = survey(data, max_seconds=2.5)
    found.check()
    assert [u.id for u in found.corpus.train] == ["a"]
    assert [u.id for u in found.corpus.val] == ["long"]
    assert "v" not in found.corpus.vocabulary.symbols
    sentence = "1 training utterance is left out: longer than data.max_seconds, 2.5 s (the longest: long, 3 s)"
    assert sentence in " ".join(found.render().split())
    with pytest.raises(DataError, match=r"no utterance is left to train on\n.*data\.max_seconds, 0\.5 s"):
        survey(data, max_seconds=0.5).check()


def test_one_percent_may_be_infeasible(tmp_path):
    record(tmp_path, "a.wav")  # 100 feature frames: 25 output frames
    fits, too_long = ("a.wav", "ab" * 12 + "a"), ("a.wav", "ab" * 12 + "ab")
    manifest(tmp_path, "val", too_long)
    manifest(tmp_path, "train", *[fits] * 99, too_long)
    found = survey(tmp_path)
    found.check()
    assert [len(found.infeasible(found.corpus.train)), len(found.infeasible(found.corpus.val))] == [1, 1]
    assert "1 of 100 training utterances (1.0 %) have more characters" in found.render()

    manifest(tmp_path, "train", *[fits] * 98, too_long)
    with pytest.raises(DataError, match=r"1 of 99 training utterances \(1.0 %\) have.*at most 1 % may\n.*subsampling"):
        survey(tmp_path).check()
    survey(tmp_path, subsampling=2).check()
    survey(tmp_path, subsampling=None).check()


def test_report_lists_20_infeasible(tmp_path):
    record(tmp_path, "a.wav")
    manifest(tmp_path, "val", ("a.wav", "ab"))
    manifest(tmp_path, "train", ("a.wav", "ab"), *[("a.wav", "ab" * 13)] * 25)
    lines = survey(tmp_path).render().splitlines()
    first = lines.index(f"    {tmp_path}/train.jsonl:2")
    assert " ".join("".join(lines[first - 2 : first]).split()).endswith("than the model has output frames:")
    assert lines[first : first + 20] == [f"    {tmp_path}/train.jsonl:{number}" for number in range(2, 22)]
    assert lines[first + 20] == "    ... and 5 more"
    with pytest.raises(DataError) as error:  # `search` shows the error alone
        survey(tmp_path).check()
    assert str(error.value).splitlines()[2:] == lines[first : first + 21]


def test_report_lists_remarks(data):
    record(data, "stereo.wav", 2.0, rate=16000, channels=2)
    manifest(
        data,
        "train",
        ("a.wav", "same text"),
        ("stereo.wav", "other"),
        ("stereo.wav", "other again"),
        '{"audio_filepath": "b.wav", "text": "bee", "duration": 1.09}',
        '{"audio_filepath": "d.wav", "text": "dee", "duration": 1.004}',
    )
    manifest(data, "val", ("c.wav", "Same text!"), ("a.wav", "ça, zoë ζ ζ"))
    report = " ".join(survey(data).render().split())
    for remark in (
        "1 of 2 validation rows (50.0 %) have a text that training has as well: 'same text'",
        "2 of 2 validation rows (100.0 %) stand in training as well, which makes the score too good:",
        f"{data}/val.jsonl:1 is {data}/train.jsonl:5 (same content of 'c.wav')",  # all of a second are the same noise
        f"{data}/val.jsonl:2 is {data}/train.jsonl:1 (same recording 'a.wav')",
        "6 words in 2 utterances: settings closer than",
        "recordings more than once in training: 1 ('stereo.wav')",
        "recordings: 4 at 8,000 Hz",
        "recordings: 1 at 16,000 Hz, resampled to 8,000 Hz",
        "1 with more than one channel",
        "validation: 4 of 6 words (66.7 %) are not in training",
        f"ζ U+03B6 2 {data}/val.jsonl:2",
        f"ç U+00E7 1 {data}/val.jsonl:2",
        "bad rows: none",
    ):
        assert remark in report


@pytest.mark.parametrize(
    ("train", "val", "is_shared"),
    [
        ({}, {"offset": 0}, True),
        ({}, {"offset": 0.5, "duration": 0.2}, True),
        ({"offset": 0.1, "duration": 0.5}, {"offset": 0.4, "duration": 0.5}, True),
        ({"offset": 0, "duration": 0.4}, {"offset": 0.4, "duration": 0.4}, False),
        ({"offset": 0, "duration": 0.41}, {"offset": 0.4, "duration": 0.4}, False),  # rounded to 10 ms
        ({"offset": 0.5}, {"offset": 0, "duration": 0.4}, False),
    ],
)
def test_shared_parts_overlap(data, train, val, is_shared):
    def row(name, **part):
        return json.dumps({"audio_filepath": name, "text": "one", **part})

    (data / "link.wav").symlink_to("a.wav")
    manifest(data, "train", row("a.wav", **train))
    manifest(data, "val", row("link.wav", **val))
    remark = f"{data}/val.jsonl:1 is {data}/train.jsonl:1 (same recording 'link.wav')"
    assert (remark in " ".join(survey(data).render().split())) is is_shared
    manifest(data, "train", row("a.wav", **train), row("link.wav", **val))
    remark = "recordings more than once in training: 2 ('a.wav', 'link.wav')"
    assert (remark in " ".join(survey(data).render().split())) is is_shared


PARTS = st.lists(
    st.builds(
        lambda path, begin, length: Part(Path(path), begin, begin + length),
        st.sampled_from("ab"),
        st.floats(0, 3),
        st.floats(0.025, 2),
    )
)


@given(PARTS, PARTS)
@example([Part(Path("a"), 1.0, 2.0)], [Part(Path("a"), 0.02, 1.02)])
def test_overlaps_equal_pairwise_ones(parts, others):
    def overlap(one, other):
        # In this order, for at the edge itself another one rounds the other way.
        return one.path == other.path and other.begin < one.end - 0.02 and other.end > one.begin + 0.02

    assert count_overlaps(parts, others) == [sum(overlap(part, other) for other in others) for part in parts]


def test_report_width_and_bad_rows(data, monkeypatch):
    """It is 80 columns wide and lists 20 bad rows."""
    manifest(data, "train", ("a.wav", "नमस्ते " * 40), *[(f"{n}.wav", "x") for n in range(25)])
    monkeypatch.chdir(data)
    lines = survey(Path()).render().splitlines()
    assert all(len(line) <= 80 or str(data) in line for line in lines)
    assert "bad rows: 25" in lines
    assert lines[-1] == "  ... and 5 more"
    assert sum(line.startswith("  train.jsonl:") for line in lines) == 20


def test_report_names_metric(data):
    assert "WER ranks" in survey(data).render()
    manifest(data, "val", ("c.wav", "你好世界"))
    assert "CER takes the place of WER" in survey(data).render()


def test_fingerprint_and_machine_key(tmp_path):
    """Fingerprints follow the data, machine keys also their place."""

    def corpus(folder: str, text: str = "one", seconds: float = 1.0):
        for name in ("a", "b"):
            record(tmp_path / folder, f"{name}.wav", seconds)
        manifest(tmp_path / folder, "train", ("a.wav", text))
        manifest(tmp_path / folder, "val", ("b.wav", "two"))
        return survey(tmp_path / folder).corpus

    here, there = corpus("here"), corpus("there")
    assert here.fingerprint == there.fingerprint
    assert here.machine_key != there.machine_key
    assert corpus("text", text="One!").fingerprint == here.fingerprint
    assert corpus("text", text="ones").fingerprint != here.fingerprint
    assert corpus("length", seconds=2.0).fingerprint != here.fingerprint
    assert corpus("text", text="ones").val_fingerprint == here.val_fingerprint
    assert corpus("length", seconds=2.0).val_fingerprint != here.val_fingerprint
    assert survey(tmp_path / "here").corpus == here
    louder = corpus("louder")
    wav = tmp_path / "louder" / "b.wav"
    samples, rate = soundfile.read(wav)
    status = wav.stat()
    soundfile.write(wav, 0.5 * samples, rate)
    os.utime(wav, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert wav.stat().st_size == status.st_size
    quieter = survey(tmp_path / "louder").corpus
    assert louder.val_fingerprint == here.val_fingerprint != quieter.val_fingerprint
    assert louder.machine_key != quieter.machine_key
    os.utime(tmp_path / "here" / "a.wav", ns=(1, 1))
    touched = survey(tmp_path / "here").corpus
    assert touched.fingerprint == here.fingerprint
    assert touched.machine_key != here.machine_key


def test_real_prompts_are_good():
    folder = os.environ.get("TUNE_ASR_DATA")
    if not folder:
        pytest.skip("TUNE_ASR_DATA does not name the folder of the recorded prompts (train.jsonl, val.jsonl)")
    found = survey(Path(folder))
    found.check()
    train, val = found.corpus.train, found.corpus.val
    assert not found.problems
    assert (len(train), len(val)) == (405, 74)
    assert sum(len(u.text.split()) for u in train) == 2392
    assert sum(len(u.text.split()) for u in val) == 485
    assert sum(u.seconds for u in train) / 60 == pytest.approx(17.9, abs=0.05)
    assert sum(u.seconds for u in val) / 60 == pytest.approx(3.4, abs=0.05)
    assert {info.sample_rate for info in found.recordings} == {8000}
    assert [remark.partition(":")[0] for remark in found.remarks] == ["1 tag in the texts (<beep ascending> 1)"]
    assert {u.id: u.text for u in val}["audio/call-fwd-no-ans"] == "call forward on no answer"
