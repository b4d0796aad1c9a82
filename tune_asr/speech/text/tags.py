"""Tags in transcripts, such as `<unk>`, `[noise]`, `{breath}` and `(laughter)`."""

from __future__ import annotations

import re

# Brackets hold up to 40 characters, a letter first; parentheses hold one word, since authors use them for speech.
_TAG = re.compile(
    r"[<＜](?=/?[^\W\d_])[^<>＜＞]{1,40}[>＞]"
    r"|[\[［](?=[^\W\d_])[^][［］]{1,40}[\]］]"
    r"|\{(?=[^\W\d_])[^{}]{1,40}\}"
    r"|\((?=[^\W\d_])[\w-]{1,40}\)"
)


def tags_in(text: str) -> list[str]:
    """Return the tags of a transcript, in their order."""
    return _TAG.findall(text)


def without_tags(text: str) -> str:
    """Replace all tags by spaces, those in other brackets too."""
    while (rest := _TAG.sub(" ", text)) != text:
        text = rest
    return text
