"""The texts of the page: the same in every language, and nothing in them can do more than be read."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.errors import InvalidInput, UsageError
from billing.core.money import Money
from billing.edge.collect.pages import MESSAGES, NOTICES
from billing.edge.collect.texts import chosen, load_languages, places

LANGUAGES = load_languages()


@pytest.mark.parametrize("code", ["de", "fr", "es", "ja"])
def test_every_language_says_everything_that_english_says_and_puts_the_same_into_it(code):
    ours, english = LANGUAGES[code].texts, LANGUAGES["en"].texts
    assert list(ours) == list(english)
    for name, text in ours.items():
        assert places(str(text)) == places(str(english[name])), name
        assert type(text) is type(english[name])
    assert len(ours["months"]) == 12


def test_every_sentence_that_a_page_names_is_there_and_every_one_that_is_there_is_named(pytestconfig):
    named = {f"{message}_{part}" for message in MESSAGES for part in ("title", "text")}
    for notice in NOTICES.values():
        named |= {notice.title, notice.text, notice.calm, notice.act_text} - {""}
    folder = pytestconfig.rootpath / "billing/edge/collect"
    for template in (folder / "templates").iterdir():
        named |= set(re.findall(r"say\('([a-z_]+)'\)", template.read_text()))
    assert named | {"months", "date", "amount", "point", "group"} == set(LANGUAGES["en"].texts)


@pytest.mark.parametrize(
    ("code", "day", "amount", "yen"),
    [
        ("en", "5 March 2027", "USD 1,234,567.89", "JPY 1,500"),
        ("de", "5. März 2027", "1.234.567,89 USD", "1.500 JPY"),
        ("fr", "5 mars 2027", "1\u202f234\u202f567,89 USD", "1\u202f500 JPY"),
        ("es", "5 de marzo de 2027", "1.234.567,89 USD", "1.500 JPY"),
        ("ja", "2027年3月5日", "1,234,567.89 USD", "1,500 JPY"),
    ],
)
def test_days_and_amounts_are_written_as_each_language_writes_them(code, day, amount, yen):
    language = LANGUAGES[code]
    assert language.date(date(2027, 3, 5)) == day
    assert language.amount(Money(123_456_789, "usd")) == amount
    assert language.amount(Money(1500, "jpy")) == yen


@pytest.mark.parametrize(
    ("asked", "locale", "accepted", "expected"),
    [
        ("", "", "", "en"),
        ("", "", "de-CH, de;q=0.9, en;q=0.8", "de"),
        ("", "", "en;q=0.1, fr;q=0.9, de;q=0", "fr"),
        ("", "", "nl, *", "en"),
        ("", "", "nl, ja;q=0.2", "ja"),
        ("", "", ";;;, =, q", "en"),
        ("", "es", "de", "es"),
        ("", "de-AT", "fr", "de"),
        ("", "pt_BR", "fr", "fr"),
        ("ja", "es", "de", "ja"),
        ("xx", "es", "de", "es"),
    ],
)
def test_the_language_is_what_the_payer_chose_else_the_lines_else_the_browsers(asked, locale, accepted, expected):
    assert chosen(LANGUAGES, asked=asked, locale=locale, accepted=accepted).code == expected


@given(st.text(max_size=300))
def test_whatever_a_browser_says_of_its_languages_there_is_one(accepted):
    assert chosen(LANGUAGES, asked="", locale="", accepted=accepted).code in LANGUAGES


def test_a_businesss_own_sentence_stands_in_place_of_ours_and_the_others_stay(tmp_path):
    own = tmp_path / "texts.yaml"
    own.write_text('en:\n  terms_card: "Our lawyer says: {business} may, ask {support}."\n')
    english = load_languages(own)["en"]
    said = english.say("terms_card", business="Northwind", support="a@b.example")
    assert said == "Our lawyer says: Northwind may, ask a@b.example."
    assert english.texts["save"] == "Save"
    assert load_languages(own)["de"].texts == LANGUAGES["de"].texts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nl:\n  save: Opslaan\n", 'no language "nl"'),
        ("en:\n  sav: x\n", 'no text "sav"'),
        ("en:\n  asks: '{customer} asks'\n", "asks names {customer}"),
        ("en:\n  months: [a, b]\n", "months must have 12"),
        ("en:\n  save: [a]\n", 'no text "save"'),
    ],
)
def test_what_has_no_place_on_the_page_is_refused_before_anything_is_served(tmp_path, text, told):
    own = tmp_path / "texts.yaml"
    own.write_text(text)
    with pytest.raises(UsageError, match=re.escape(told)):
        load_languages(own)


def test_a_file_of_sentences_that_is_no_yaml_is_refused_with_its_place(tmp_path):
    own = tmp_path / "texts.yaml"
    own.write_text("en: {save: [}")
    with pytest.raises(InvalidInput) as caught:
        load_languages(own)
    assert "texts.yaml:1" in str(caught.value.problems[0])


def test_no_sentence_reaches_into_what_is_put_into_it(tmp_path):
    own = tmp_path / "texts.yaml"
    own.write_text('en:\n  save: "{business.__class__} {0} %s {{business}}"\n')
    said = load_languages(own)["en"].say("save", business="N")
    assert said == "{business.__class__} {0} %s {N}"
