"""Remarks on transcripts: tags, a dotless i without a language, signs of word pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tune_asr.speech.survey.inspection import Entry
from tune_asr.speech.survey.report import examples
from tune_asr.speech.text.normalizer import WORD_BOUNDARY, TextNormalizer
from tune_asr.speech.text.tags import tags_in
from tune_asr.wording import count

_MOST_TAGS = 5


def text_remarks(entries: Sequence[Entry], normalizer: TextNormalizer) -> Iterator[str]:
    """Yield a sentence for each kind of finding.

    Args:
        entries: rows of all splits.
        normalizer: maker of the references.
    """
    texts = [entry.row.text for entry in entries]
    yield from _tags(texts, normalizer)
    if normalizer.rules == 1:
        return
    if normalizer.language is None and normalizer.case != "keep":
        dotted = [text for text in texts if "İ" in text or "ı" in text]
        if dotted:
            yield (
                f"{count(len(dotted), 'text')} with İ or ı ({examples(dotted[:1])}): Turkish and Azeri have another "
                "letter case of I; set text.language: tr, or az (any other language ends this warning)"
            )
    marked = [entry.row.place for entry in entries if WORD_BOUNDARY in entry.row.text]
    if marked:
        yield (
            f"{count(len(marked), 'text')} with {WORD_BOUNDARY} (U+2581), the first at {marked[0]}: it is the space of "
            "word pieces, and is read as a space"
        )


def _tags(texts: Iterable[str], normalizer: TextNormalizer) -> Iterator[str]:
    found = Counter(tag for text in texts for tag in tags_in(text))
    if not found:
        return
    often = ", ".join(f"{tag} {number:,}" for tag, number in found.most_common(_MOST_TAGS))
    more = f", and {len(found) - _MOST_TAGS:,} more kinds" if len(found) > _MOST_TAGS else ""
    end = (
        "they are removed, as text.tags asks"
        if normalizer.tags == "remove"
        else "they are learnt as words; text.tags: remove leaves them out"
    )
    words = "; any single word in parentheses is taken for one" if any(tag[0] in "(（" for tag in found) else ""
    yield f"{count(found.total(), 'tag')} in the texts ({often}{more}): {end}{words}"
