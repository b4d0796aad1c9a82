"""Manifests of lhotse, in lines that it has written."""

from __future__ import annotations

import gzip
import json

import pytest

from tune_asr.errors import DataError
from tune_asr.speech.manifest.rows import read_manifest

MONO = {
    "id": "mono",
    "sources": [{"type": "file", "channels": [0], "source": "mono.wav"}],
    "sampling_rate": 16000,
    "num_samples": 32000,
    "duration": 2.0,
    "channel_ids": [0],
}
CALL = MONO | {
    "id": "call",
    "sources": [{"type": "file", "channels": [0, 1], "source": "call.wav"}],
    "channel_ids": [0, 1],
}
ONE = {
    "id": "s1",
    "recording_id": "mono",
    "start": 0.0,
    "duration": 2.0,
    "channel": 0,
    "text": "ONE",
    "language": "English",
    "speaker": "a",
}
TWO = ONE | {"id": "s2", "recording_id": "call", "start": 0.25, "duration": 0.5, "text": "TWO"}
THREE = TWO | {"id": "s3", "start": 0.5, "duration": 1.0, "channel": 1, "text": "THREE", "speaker": "b"}
MONO_CUT = {
    "id": "mono-0",
    "start": 0,
    "duration": 2.0,
    "channel": 0,
    "supervisions": [ONE],
    "recording": MONO,
    "type": "MonoCut",
}
CALL_CUT = {
    "id": "call-1",
    "start": 0,
    "duration": 2.0,
    "channel": [0, 1],
    "supervisions": [TWO, THREE],
    "recording": CALL,
    "type": "MultiCut",
}
TRIMMED = CALL_CUT | {
    "id": "s3",
    "start": 0.5,
    "duration": 1.0,
    "channel": 1,
    "supervisions": [THREE | {"start": 0.0}],
    "type": "MonoCut",
}


def cuts(folder, *lines):
    path = folder / "cuts.jsonl.gz"
    path.write_bytes(gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode()))
    return path


def spans(rows):
    return [(row.id, row.audio.name, row.offset, row.duration, row.channel, row.text, row.speaker) for row in rows]


def test_supervisions_are_utterances(tmp_path):
    rows, problems = read_manifest(cuts(tmp_path, MONO_CUT, CALL_CUT))
    assert problems == []
    assert spans(rows) == [
        ("s1", "mono.wav", 0, 2.0, None, "ONE", "a"),
        ("s2", "call.wav", 0.25, 0.5, 0, "TWO", "a"),
        ("s3", "call.wav", 0.5, 1.0, 1, "THREE", "b"),
    ]
    assert [row.place[-2:] for row in rows] == [":1", ":2", ":2"]
    assert rows[0].audio == tmp_path / "mono.wav"


def test_supervision_starts_within_its_cut(tmp_path):
    later = TRIMMED | {"start": 0.7, "supervisions": [THREE | {"start": -0.2}]}
    for cut in (TRIMMED, later):
        assert spans(read_manifest(cuts(tmp_path, cut))[0]) == [("s3", "call.wav", 0.5, 1.0, 1, "THREE", "b")]


def test_channels_in_files_of_their_own(tmp_path):
    sources = [{"type": "file", "channels": [n], "source": f"{n}.wav"} for n in (0, 1)]
    sources.append({"type": "file", "channels": [2, 3], "source": "others.wav"})
    recording = CALL | {"sources": sources, "channel_ids": [0, 1, 2, 3]}
    cut = CALL_CUT | {"recording": recording, "supervisions": [THREE, THREE | {"id": "s4", "channel": 3}]}
    rows, _ = read_manifest(cuts(tmp_path, cut))
    assert [(row.audio.name, row.channel) for row in rows] == [("1.wav", None), ("others.wav", 1)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"recording": MONO | {"sources": [{"type": "command", "channels": [0], "source": "touch /tmp/run"}]}},
            "recording 'mono' comes from a source of type 'command', and only files are read; save its audio with",
        ),
        (
            {"recording": MONO | {"sources": [{"type": "url", "channels": [0], "source": "https://host/a.wav"}]}},
            "recording 'mono' comes from a source of type 'url', and only files are read",
        ),
        (
            {"recording": MONO | {"sources": [{"type": "memory", "channels": [0], "source": "UklGRg=="}]}},
            "recording 'mono' comes from a source of type 'memory', and only files are read",
        ),
        (
            {"recording": MONO | {"transforms": [{"name": "Speed", "kwargs": {"factor": 0.9}}]}},
            "recording 'mono' has transforms, such as a change of speed, which are not applied",
        ),
        ({"type": "MixedCut", "tracks": []}, "cut 'mono-0' is a MixedCut, which is made of others and not read"),
        ({"type": "PaddingCut"}, "cut 'mono-0' is a PaddingCut, which is made of others and not read"),
        ({"recording": None, "features": {}}, "cut 'mono-0' has no recording; features alone are not read"),
        ({"recording": MONO | {"sources": []}}, "recording 'mono' has no sources"),
        ({"recording": MONO | {"sources": [{"type": "file"}]}}, "recording 'mono' has a source without a file"),
        ({"supervisions": []}, "cut 'mono-0' has no supervision, and so no text"),
        ({"supervisions": [7]}, "the supervision is 7, but must be an object"),
        ({"supervisions": [ONE | {"text": None}]}, '"text" is null, but must be text'),
        ({"start": 10**400}, "\"start\" of cut 'mono-0' is 1000"),
        ({"start": "0"}, "\"start\" of cut 'mono-0' is '0', but must be a number of seconds"),
        (
            {"supervisions": [ONE | {"duration": None}]},
            "\"duration\" of supervision 's1' is null, but must be a number",
        ),
        ({"supervisions": [ONE | {"channel": 5}], "recording": CALL}, "recording 'call' has no channel 5"),
        ({"supervisions": [ONE | {"channel": []}], "recording": CALL}, "recording 'call' has no channel"),
        (
            {"supervisions": [ONE | {"channel": [0, 1]}], "recording": CALL | {"sources": 2 * CALL["sources"]}},
            "recording 'call': channels [0, 1] are some of several; give each its own supervision",
        ),
    ],
)
def test_other_cuts_are_mistakes(tmp_path, change, message):
    """And nothing in them is run or fetched."""
    path = cuts(tmp_path, MONO_CUT | {"supervisions": [ONE | {"id": "s0"}]}, MONO_CUT | change)
    [row], [problem] = read_manifest(path)
    assert row.id == "s0"
    assert problem.place == f"{path}:2"
    assert problem.what.startswith(message)


def test_all_channels_are_mixed(tmp_path):
    cut = CALL_CUT | {"supervisions": [TWO | {"channel": [0, 1]}]}
    [row], _ = read_manifest(cuts(tmp_path, cut))
    assert row.channel is None


@pytest.mark.parametrize(("line", "half"), [(MONO, "recordings"), (ONE, "supervisions")])
def test_half_of_the_pair_names_both(tmp_path, line, half):
    with pytest.raises(
        DataError, match=rf"cuts\.jsonl\.gz:1: this is one of lhotse's {half}, which are half .*\n.*Give"
    ):
        read_manifest(cuts(tmp_path, line))


@pytest.mark.parametrize("other", [{"recording_id": "r1"}, {"type": "Director's Cut"}])
def test_other_manifests_are_no_lhotse(tmp_path, other):
    [row], problems = read_manifest(cuts(tmp_path, {"path": "a.wav", "text": "One"} | other))
    assert (row.text, problems) == ("One", [])
