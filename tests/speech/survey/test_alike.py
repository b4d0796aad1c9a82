"""Bad rows of one reason."""

from __future__ import annotations

import pytest

from tune_asr.errors import Problem
from tune_asr.speech.survey.alike import merge, reason_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/x/my a.wav does not exist", "/x/b is.wav does not exist"),
        ("/x/a.wav lasts 3.25 s, but its row says 4 s", "/x/b.wav lasts 1 s, but its row says 20.5 s"),
        (
            "\"duration\" is '1 s', but must be a positive number",
            "\"duration\" is 'it\\'s', but must be a positive number",
        ),
        ('u1: "text" is empty', 'spk-a: "text" is empty'),
        ("u1 has no transcript in text", "u_002 has no transcript in text"),
        ("$data_root/a is a placeholder", "$data_root/b is a placeholder"),
    ],
)
def test_rows_of_one_reason_are_alike(one, other):
    assert reason_of(one) == reason_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('"text" is empty', '"path" is empty'),
        ("/x/a.wav does not exist", "/x/a.wav is empty"),
        ("/x/a.wav does not exist", "/x/a.wav does not exist; the file there differs in letter case: /x/A.wav"),
    ],
)
def test_other_reasons_differ(one, other):
    assert reason_of(one) != reason_of(other)


def test_first_stands_for_others():
    rows = [Problem(f"/m.csv:{n}", f"/x/{n}.wav does not exist") for n in range(2, 50)]
    rows += [Problem("/n.csv:1", "/x/1.wav does not exist"), Problem("/n.csv:2", "/x/2.wav does not exist")]
    rows += [Problem("/n.csv:3", '"text" is empty')]
    merged = merge(rows)
    assert [(problem.message, number) for problem, number in merged] == [
        ("/m.csv:2: /x/2.wav does not exist; 47 more rows of the file fail alike, lines 3 to 49", 48),
        ("/n.csv:1: /x/1.wav does not exist; 1 more row of the file fails alike, line 2", 2),
        ('/n.csv:3: "text" is empty', 1),
    ]
    assert [problem.hint.partition(";")[0] for problem, _ in merged] == [
        *2 * ["Relative paths start at the folder of the manifest"],
        "",
    ]
