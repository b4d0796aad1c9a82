from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.speech.text.normalizer import TextNormalizer

EVERY_SETTING = [
    TextNormalizer(case=case, punctuation=punctuation, digits=digits, unicode_form=form)
    for case, punctuation, digits, form in itertools.product(
        ("lower", "upper", "keep"), ("remove", "keep"), ("keep", "remove"), ("NFC", "NFD", "NFKC", "NFKD")
    )
]
# Everything that depends on its neighbours, and letters and marks of scripts that have it.
TRICKY = (
    "aéIİıßẞŉǅΣσςᾼᾳﬁK’'ʼ\u2018\u200b\u200c\u200d\ufeff\u00ad\u0301\u0338\u20e3\ufe0f \t\n\u2028\u00a0-.=≠^1²Ⅷक्षर์ำשָׁشّ한ᄒ"
)


@given(
    st.sampled_from(EVERY_SETTING),
    st.one_of(st.text(), st.text(TRICKY, max_size=12), st.text(st.characters(codec=None))),
)
@settings(max_examples=600, deadline=None)
def test_normalising_twice_changes_nothing(normalizer, text):
    once = normalizer(text)
    assert normalizer(once) == once


@pytest.mark.parametrize("normalizer", EVERY_SETTING[::7])
def test_normalising_twice_changes_no_neighbours(normalizer):
    for code in itertools.chain(range(0x3000), range(0xA000, 0xAC00), range(0xF900, 0x10800), range(0x1D400, 0x1F000)):
        once = normalizer(f"a{chr(code)}b")
        assert normalizer(once) == once, hex(code)


@given(st.sampled_from(EVERY_SETTING), st.one_of(st.text(), st.text(TRICKY)))
@settings(max_examples=300, deadline=None)
def test_result_has_single_spaces(normalizer, text):
    result = normalizer(text)
    assert " ".join(result.split()) == result
    assert unicodedata.is_normalized(normalizer.unicode_form, result)
    if normalizer.case != "keep":
        assert getattr(result, normalizer.case)() == result
    kept = {unicodedata.category(character)[0] for character in result.replace("'", "")}
    assert kept <= {"L", "M", "N", "Z", "C"} | ({"P", "S"} if normalizer.punctuation == "keep" else set())
    assert "N" not in kept or normalizer.digits == "keep"
    assert not [c for c in result if unicodedata.category(c)[0] == "C" and c not in "\u200c\u200d"]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Call-Forward on No Answer.", "call forward on no answer"),
        ("  At\tthe\u00a0sound\u3000of\r\nthe tone... ", "at the sound of the tone"),
        ("Don’t, donʼt, don't", "don't don't don't"),
        ("'Tis the dogs' rock 'n' roll", "tis the dogs rock n roll"),
        ("L’été à Qu’Appelle", "l'été à qu'appelle"),
        ("$5.00 + 3% = <what>?", "5 00 3 what"),
        ("co\u00adop\u200berate\ufeff", "cooperate"),
        ("ＦＵＬＬ ﬁne ²", "full fine 2"),
        ("ΟΔΟΣ, ΟΔΟΣ", "οδος οδος"),
        ("STRASSE straße", "strasse straße"),
        ("हिन्दी में, क्‍ष।", "हिन्दी में क्‍ष"),
        ("می‌خواهم؟", "می‌خواهم"),
        ("র‍্যাব", "র‍্যাব"),
        ("ภาษาไทย ๆ", "ภาษาไทย ๆ"),
        ("مَرْحَبًا، ١٢٣!", "مَرْحَبًا ١٢٣"),
        ("שָׁלוֹם־עולם", "שָׁלוֹם עולם"),
        ("你好，世界。", "你好 世界"),
        ("Привет — мир", "привет мир"),
        ("I ❤️ you 1️⃣", "i you 1️⃣"),
        ("\ud800 \ue000 \x00", ""),
        ("...!?", ""),
        ("", ""),
    ],
)
def test_defaults_keep_all_scripts(text, normal):
    assert TextNormalizer()(text) == unicodedata.normalize("NFKC", normal)


@pytest.mark.parametrize(
    ("settings_", "text", "normal"),
    [
        ({"case": "upper"}, "straße’s ende", "STRASSE'S ENDE"),
        ({"case": "lower", "unicode_form": "NFC"}, "İstanbul", "i̇stanbul"),
        ({"case": "keep"}, "iPhone", "iPhone"),
        ({"punctuation": "keep"}, "Wait... don’t—‘now’!", "wait... don't—‘now’!"),
        ({"digits": "remove"}, "Route 66, 3rd exit ٣", "route rd exit"),
        ({"unicode_form": "NFD"}, "É", "e\u0301"),
        ({"unicode_form": "NFC"}, "e\u200b\u0301 ﬁ", "é ﬁ"),
    ],
)
def test_each_setting_does_what_it_says(settings_, text, normal):
    assert TextNormalizer(**settings_)(text) == normal
