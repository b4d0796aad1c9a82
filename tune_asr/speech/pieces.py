"""Word pieces: a vocabulary of byte-pair encoding (Sennrich et al., *Neural Machine Translation of Rare Words with
Subword Units*, 2016), learned by sentencepiece from the training references.

The pieces in the order in which they were learned are the whole tokeniser: the merge that was learned first is made
first. So a checkpoint or a bundle that lists its symbols needs no other file, and nothing to unpickle.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import ClassVar

from tune_asr.errors import Problem
from tune_asr.speech.survey import Survey
from tune_asr.speech.vocabulary import BLANK, Vocabulary

_BOUNDARY = "\u2581"  # as sentencepiece and sherpa-onnx write the space before a word
# sentencepiece takes the first for a space, and leaves out every sentence with the second.
_RESERVED = dict.fromkeys(map(ord, f"{_BOUNDARY}\u2585"))
_UNKNOWN = "\ue000"  # a private character, which no reference holds: `<unk>` may be part of a transcript
_CACHED_WORDS = 1 << 16


class PieceVocabulary(Vocabulary):
    """Word pieces: `<blk>`, then pieces in the order in which they were learned, single characters last.

    A piece that begins a word begins with a space, and a space stands nowhere else: joined pieces are the text.
    """

    units: ClassVar[str] = "word pieces"

    def encode(self, text: str) -> list[int]:
        """Return the ids of the pieces of `text`, as sentencepiece does; unknown characters are left out before."""
        known = "".join(character for character in text if character in self._ids)
        return [i for word in known.split() for i in self._encode_word(word)]

    @cached_property
    def _encode_word(self) -> Callable[[str], tuple[int, ...]]:
        ids = self._ids
        return lru_cache(_CACHED_WORDS)(lambda word: tuple(ids[piece] for piece in _pieces(f" {word}", ids)))


def with_pieces(found: Survey, vocab_size: int) -> Survey:
    """Return a survey whose corpus is written in `vocab_size` word pieces, the blank among them.

    Where the training references cannot make so many, or so few, it has as near a number, and says so.
    """
    texts = [text for utterance in found.corpus.train if (text := utterance.text.translate(_RESERVED).strip())]
    if not texts:
        return found
    fewest = len(set(" ").union(*texts)) + 1
    pieces = _learned(texts, max(vocab_size, fewest))
    corpus = replace(found.corpus, vocabulary=PieceVocabulary(pieces))
    what = f"text.vocab_size is {vocab_size:,}, but the training references make at"
    if vocab_size < fewest:
        way_out = "raise it: each of their characters takes a symbol, and so do the space and the blank"
        return replace(found, corpus=corpus, impossible=(Problem("", f"{what} least {fewest:,} symbols", way_out),))
    if len(pieces) < vocab_size:
        way_out = "lower it, and far below that: at that number every word is one piece"
        return replace(found, corpus=corpus, misfit=(Problem("", f"{what} most {len(pieces):,} symbols", way_out),))
    return replace(found, corpus=corpus)


def _learned(texts: Iterable[str], vocab_size: int) -> tuple[str, ...]:
    """Learn symbols, `vocab_size` of them or all that there are: the same of the same texts, on every machine."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=vocab_size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",  # the references are normalised
        max_sentence_length=2**30,  # longer ones would be left out
        unk_piece=_UNKNOWN,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    learned = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    # The blank takes the place of the unknown piece.
    return (BLANK, *(learned.id_to_piece(i).replace(_BOUNDARY, " ") for i in range(1, len(learned))))


def _pieces(word: str, ranks: Mapping[str, int]) -> list[str]:
    """Merge the two neighbours whose union was learned first, the leftmost of equals, until no union is a piece."""
    pieces, never = list(word), len(ranks) + 1
    while len(pieces) > 1:
        unions = [ranks.get(first + second, never) for first, second in pairwise(pieces)]
        if (first := min(unions)) == never:
            break
        at = unions.index(first)
        pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces
