from __future__ import annotations

import itertools
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.speech.text.normalizer import TextNormalizer
from tune_asr.speech.text.tags import tags_in

BY_RULES = {
    rules: [
        TextNormalizer(case=case, punctuation=punctuation, digits=digits, unicode_form=form, rules=rules)
        for case, punctuation, digits, form in itertools.product(
            ("lower", "upper", "keep"), ("remove", "keep"), ("keep", "remove"), ("NFC", "NFD", "NFKC", "NFKD")
        )
    ]
    for rules in (1, 2)
}
IN_LANGUAGES = [
    replace(normalizer, language=language, tags=tags)
    for normalizer in BY_RULES[2]
    for language, tags in (("tr", "keep"), ("haw", "keep"), (None, "remove"), ("az-Latn", "remove"))
]
EVERY_SETTING = [*BY_RULES[1], *BY_RULES[2], *IN_LANGUAGES]
# Everything that depends on its neighbours, and letters and marks of scripts that have it.
TRICKY = (
    "aéIİıßẞŉǅΣσςᾼᾳﬁK’'ʼ\u2018\u200b\u200c\u200d\ufeff\u00ad\u0301\u0338\u20e3\ufe0f \t\n\u2028\u00a0-.=≠^1²Ⅷक्षर์ำשָׁشّ한ᄒ"
)
MARKED = "ltnhLıi’'ʼ‘ʻ`´′″\u0384᾽·•‧ŀĿאבג׳״”\"\u05b8ก้ําำຫນໜ້ໍາຳ12²½₂⁻①⒈™㏂▁ <>[](){}/\u0307\u0301\u200d\u00ad"
# fmt: off
WORDS = [
    "l’été", "d´accord", "aujourd'hui", "col·lecció", "goriŀla", "in·hèrn", "O‘zbekiston", "go`zal",
    "oʻqiydi", "п’ять", "пʼять", "Hawaiʻi", "ʻŌlelo", "c’hoar", "הג׳ירפה", "צה״ל", "צה''ל", "İstanbul",
    "Işık", "Iğdır", "IĞDIR", "น้ำทำงาน", "นํ้า", "ນ້ຳ", "ໜັງສື", "m²", "1½", "10²", "H₂O", "½", "5①",
    "<unk>", "[noise]", "(laughter)", "{breath}", "</s>", "[background", "noise]", "ΟΔΟΣ", "straße",
    "می\u200cخواهم", "क्\u200dष", "北京。", "カタカナ・語", "한국어", "ភាសាខ្មែរ", "မြန်မာ", "བོད་ཡིག", "▁the",
    "<|en|>", "（笑）", "【音楽】", "[ a ]", "ـ", " ـ ", "(",
]
# fmt: on


@given(
    st.sampled_from(EVERY_SETTING),
    st.one_of(
        st.text(),
        st.text(TRICKY, max_size=12),
        st.text(MARKED, max_size=12),
        st.lists(st.one_of(st.sampled_from(WORDS), st.text(MARKED, max_size=2))).map("".join),
        st.text(st.characters(codec=None)),
    ),
)
@settings(max_examples=1500, deadline=None)
def test_normalising_twice_changes_nothing(normalizer, text):
    once = normalizer(text)
    assert normalizer(once) == once


@pytest.mark.parametrize("normalizer", [*BY_RULES[1][::13], *BY_RULES[2][::7]])
def test_normalising_twice_changes_no_neighbours(normalizer):
    for code in itertools.chain(range(0x3000), range(0xA000, 0xAC00), range(0xF900, 0x10800), range(0x1D400, 0x1F000)):
        once = normalizer(f"a{chr(code)}b")
        assert normalizer(once) == once, hex(code)


@given(st.sampled_from(EVERY_SETTING), st.one_of(st.text(), st.text(TRICKY)))
@settings(max_examples=300, deadline=None)
def test_result_has_single_spaces(normalizer, text):
    result = normalizer(text)
    assert " ".join(result.split()) == result
    assert unicodedata.is_normalized(normalizer.unicode_form, result if normalizer.rules == 1 else respelled(result))
    if normalizer.case != "keep" and normalizer.language is None:
        assert getattr(result, normalizer.case)() == result
    kept = {unicodedata.category(character)[0] for character in result if character not in "'·׳״"}
    assert kept <= {"L", "M", "N", "Z", "C"} | ({"P", "S"} if normalizer.punctuation == "keep" else set())
    assert "N" not in kept or normalizer.digits == "keep"
    assert not [c for c in result if unicodedata.category(c)[0] == "C" and c not in "\u200c\u200d"]


def respelled(text: str) -> str:
    """Replace letters of Thai and Lao, which stay as they are typed."""
    return text.translate(str.maketrans("ำຳໜໝ", "กກກກ"))


@pytest.mark.parametrize("rules", [1, 2])
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
def test_defaults_keep_all_scripts(text, normal, rules):
    assert TextNormalizer(rules=rules)(text) == unicodedata.normalize("NFKC", normal)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("la col·lecció és excel·lent", "la col·lecció és excel·lent"),
        ("goriŀla NOVEĿLA nove•l•la", "goril·la novel·la nove l·la"),
        ("in·hèrn, des·har", "in·hèrn des·har"),
        ("卡尔·马克思 étudiant·e", "卡尔 马克思 étudiant e"),
        ("oʻ o‘z o’z oʼz o`z o´z o′z o'z o‛z", "oʻ " + " ".join(["o'z"] * 8)),
        ("d´accord l`été п’ять c’hoar", "d'accord l'été п'ять c'hoar"),
        ("‘now’ `quoted` ´so´ dogs’", "now quoted so dogs"),
        ("Hawaiʻi ʻŌlelo", "hawai'i ʻōlelo"),
        ("הג׳ירפה ג'ירפה ג’ירפה ג´ירפה", "הג׳ירפה ג׳ירפה ג׳ירפה ג׳ירפה"),
        ("צה״ל צה\"ל צה''ל צה”ל צה″ל צה׳׳ל", " ".join(["צה״ל"] * 6)),
        ('"שלום" “no"no”', "שלום no no"),
        ("น้ำทำงาน ทํางาน นํ้า", "น้ำทำงาน ทำงาน น้ำ"),
        ("ນ້ຳ ນໍ້າ ໜັງສື ໝາ ຫນັງສື", "ນ້ຳ ນ້ຳ ໜັງສື ໝາ ຫນັງສື"),
        ("5 m² 10² 10⁻¹² x²y", "5 m 2 10 2 10 12 x 2 y"),
        ("1½ ½ 3⅐ 1⁄2", "1 1 2 1 2 3 1 7 1 2"),
        ("H₂O C₁₂H₂₂ 5₂", "h2o c12h22 5 2"),
        ("5①6 １２ ①②", "5 1 6 12 12"),
        ("▁the ▁red", "the red"),
        ("İstanbul", "i̇stanbul"),
    ],
)
def test_rules_2_keep_words_whole(text, normal):
    """Code points of the result are as they stand here, in no compatible form."""
    assert TextNormalizer()(text) == normal


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("text", ["น้ำทำงานในบ้าน", "ນ້ຳ ໜ ໝ ຳ"])
def test_thai_and_lao_keep_code_points(text, form):
    assert TextNormalizer(unicode_form=form)(text) == text


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("don’t donʼt don't", "don't don't don't"),
        ("o‘z o`z col·lecció צה״ל", "o z o z col lecció צה ל"),
        ("ทำ", "ท\u0e4d\u0e32"),
        ("10² m²", "102 m2"),
        ("‘a", "a"),
    ],
)
def test_rules_1_stay(text, normal):
    assert TextNormalizer(rules=1)(text) == normal


@pytest.mark.parametrize(
    ("language", "case", "text", "normal"),
    [
        ("tr", "lower", "İSTANBUL IŞIK Iğdır i ı", "istanbul ışık ığdır i ı"),
        ("tr-TR", "upper", "istanbul ışık", "İSTANBUL IŞIK"),
        ("az-Latn", "lower", "QIZ İLƏ I\u0307", "qız ilə i"),
        ("TR", "keep", "İI", "İI"),
        ("en", "lower", "IN", "in"),
        ("haw", "lower", "ʻŌlelo Hawai‘i Hawai'i", "ʻōlelo hawaiʻi hawaiʻi"),
    ],
)
def test_case_and_marks_of_languages(language, case, text, normal):
    assert TextNormalizer(language=language, case=case)(text) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("<unk> the red door", "the red door"),
        ("wait [noise] [background noise] in{breath}the hall", "wait in the hall"),
        ("(laughter) ten (and more words) birds </s> <sil>", "ten and more words birds"),
        ("＜unk＞ <a[b]c> 2 < 3 > 1 [2]", "2 3 1 2"),
        ("[noise]", ""),
        ("<|startoftranscript|><|en|><|0.00|> the red <|endoftext|>", "the red"),
        ("[ speaker 1 ] 面白い（笑） 【音楽】 はい", "面白い はい"),
        ("(Applause.) f(x) SSL(TLS) (re)start (laughter)(cough), ten", "f x ssl tls re start ten"),
        ("他（她说得很好了）", "他 她说得很好了"),
    ],
)
def test_tags_can_be_removed(text, normal):
    assert TextNormalizer(tags="remove")(text) == normal


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


def test_joiners_and_tatweel_by_rules():
    """Rules 1 keep the references of release 0.1.0."""
    text = "zero\u200dwidth α\u200cβ क्\u200dष می\u200cخواهم ـ كتـاب"
    assert TextNormalizer()(text) == "zerowidth αβ क्\u200dष می\u200cخواهم كتـاب"
    assert TextNormalizer(rules=1)(text) == text


def test_tags_are_counted_as_they_are_removed():
    assert tags_in("(a)(b) <|0.5|> f(x) （笑）") == ["(a)", "<|0.5|>", "（笑）", "(b)"]
