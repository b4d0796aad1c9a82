from __future__ import annotations

from tune_asr.scoring.counts import count_errors
from tune_asr.scoring.transcript import Transcript


def test_transcript_counts_its_errors():
    transcript = Transcript("a", "the quick fox", "the big fox now")
    assert transcript.counts == count_errors("the quick fox", "the big fox now")
    assert transcript.counts.word_errors == 2
