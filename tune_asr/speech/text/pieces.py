"""Word pieces by byte-pair encoding, learned from the training references.

Sennrich et al., *Neural Machine Translation of Rare Words with Subword Units*, 2016, by sentencepiece. The pieces in
their learned order are the whole tokeniser, since the merge learned first is made first. So a checkpoint or a bundle
that lists its symbols needs no other file, and nothing to unpickle.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import ClassVar

from tune_asr.speech.text.vocabulary import BLANK, Vocabulary

_BOUNDARY = "\u2581"  # the space before a word in sentencepiece and sherpa-onnx
# sentencepiece reads the first as a space, and drops every sentence with the second.
_RESERVED = dict.fromkeys(map(ord, f"{_BOUNDARY}\u2585"))
_UNKNOWN = "\ue000"  # a private character, absent from all references, unlike `<unk>`
_CACHED_WORDS = 1 << 16


class PieceVocabulary(Vocabulary):
    """Vocabulary of word pieces.

    `<blk>` is first, then pieces in their learned order, single characters last. A piece at the beginning of a word
    begins with a space; other pieces have none, so joined pieces are the text.
    """

    units: ClassVar[str] = "word pieces"

    def encode(self, text: str) -> list[int]:
        """Return ids of the pieces of `text`, as sentencepiece does.

        Unknown characters are left out first.
        """
        known = "".join(character for character in text if character in self._ids)
        return [i for word in known.split() for i in self._encode_word(word)]

    @cached_property
    def _encode_word(self) -> Callable[[str], tuple[int, ...]]:
        ids = self._ids
        return lru_cache(_CACHED_WORDS)(lambda word: tuple(ids[piece] for piece in _pieces(f" {word}", ids)))


def learn_pieces(texts: Iterable[str], vocab_size: int) -> PieceVocabulary | None:
    """Learn at most `vocab_size` word pieces, blank included.

    There are more if the characters of `texts`, the space and the blank are more; None if `texts` hold no character.
    """
    kept = [text for raw in texts if (text := raw.translate(_RESERVED).strip())]
    if not kept:
        return None
    fewest = len(set(" ").union(*kept)) + 1
    return PieceVocabulary(_learned(kept, max(vocab_size, fewest)))


def _learned(texts: Iterable[str], vocab_size: int) -> tuple[str, ...]:
    """Learn at most `vocab_size` symbols, equal on every machine."""
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
    """Split a word into pieces.

    The two neighbours with the first-learned union are merged, the leftmost of ties, until no union is a piece.
    """
    pieces, never = list(word), len(ranks) + 1
    while len(pieces) > 1:
        unions = [ranks.get(first + second, never) for first, second in pairwise(pieces)]
        if (first := min(unions)) == never:
            break
        at = unions.index(first)
        pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces
