"""Tags in transcripts, such as `<unk>`, `<|en|>`, `[noise]`, `{breath}`, `(laughter)` and `【音楽】`."""

from __future__ import annotations

import re

# Brackets hold up to 40 characters, a letter first. Parentheses hold one word, since authors use them for speech, and
# stand apart from other words, unlike f(x). Full-width ones need no blanks, so they hold a short word.
_TAG = re.compile(
    r"[<＜]\|[^<>＜＞|]{1,40}\|[>＞]"
    r"|[<＜](?=/?[^\W\d_])[^<>＜＞]{1,40}[>＞]"
    r"|[\[［](?=\s*[^\W\d_])[^][［］]{1,40}[\]］]"
    r"|[【〔](?=\s*[^\W\d_])[^【】〔〕]{1,40}[】〕]"
    r"|\{(?=[^\W\d_])[^{}]{1,40}\}"
    r"|(?<!\S)\((?=[^\W\d_])[\w-]{1,40}[.!?]?\)(?![^\s(\[{<.,;:!?])"
    r"|（(?=[^\W\d_])\w{1,4}）"
)


def tags_in(text: str) -> list[str]:
    """Return the tags of a transcript, as they are removed."""
    found: list[str] = []
    while tags := [match[0] for match in _TAG.finditer(text)]:
        found += tags
        text = _TAG.sub(" ", text)
    return found


def without_tags(text: str) -> str:
    """Replace all tags by spaces, those in other brackets too."""
    while (rest := _TAG.sub(" ", text)) != text:
        text = rest
    return text
