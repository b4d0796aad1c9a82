"""`text.language` takes tags of BCP 47."""

from __future__ import annotations

import pytest

from tune_asr.config.load import from_values
from tune_asr.errors import ConfigError


@pytest.mark.parametrize(
    "tag",
    ["tr", "TR", "az-Latn", "az-Latn-AZ", "pt-BR", "es-419", "haw", "zh-Hant-TW", "zh-yue", "sl-rozaj-biske", None],
)
def test_tag_is_taken_as_written(tag):
    assert from_values({"text": {"language": tag}}, "own.yaml").text.language == tag


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("tr_TR", ": tr-TR"),
        ("tur", ": tr"),
        ("aze-Latn", ": az-Latn"),
        ("turkish", " such as tr, az-Latn or pt-BR"),
        ("", " such as"),
        ("t", " such as"),
        ("tr-", " such as"),
        ("tr-Latn-Latn", " such as"),
        ("türk", " such as"),
    ],
)
def test_other_text_is_refused(tag, hint):
    with pytest.raises(ConfigError) as found:
        from_values({"text": {"language": tag}}, "own.yaml")
    assert f"text.language: is {tag!r}, but must be a language tag of BCP 47{hint}" in str(found.value)


@pytest.mark.parametrize(("key", "value"), [("tags", "drop"), ("score", "WER"), ("language", 3)])
def test_other_values_are_refused(key, value):
    with pytest.raises(ConfigError, match=rf"text\.{key}: is {value!r}, but must be "):
        from_values({"text": {key: value}}, "own.yaml")
