"""The links of payers: what is signed is read back, and nothing else is."""

import re

from hypothesis import given
from hypothesis import strategies as st

from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.links import LATEST, LENGTH, Link, read_link, sign_link

KEY, OTHER = b"k" * 32, b"o" * 32
ITEM = item_id(Mode.TEST, "acct_P", "", "MEM-1", 0, Kind.PAYER)
LINKS = st.builds(
    Link,
    item=st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=32, max_size=32),
    end=st.integers(min_value=0, max_value=LATEST),
)


@given(LINKS)
def test_what_was_signed_is_read_back_and_stands_in_one_word_of_a_url(link):
    token = sign_link(KEY, link)
    assert read_link(KEY, token) == link
    assert len(token) == LENGTH == 56
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)


@given(LINKS, st.integers(min_value=0, max_value=LENGTH - 1), st.sampled_from("AZaz09-_.~=%/ é"))
def test_a_link_with_one_other_letter_anywhere_is_no_link(link, at, letter):
    token = sign_link(KEY, link)
    changed = token[:at] + letter + token[at + 1 :]
    assert read_link(KEY, changed) == (link if changed == token else None)


@given(LINKS)
def test_another_key_reads_nothing(link):
    assert read_link(OTHER, sign_link(KEY, link)) is None


@given(st.text(max_size=70))
def test_no_text_that_was_never_signed_is_a_link(text):
    assert read_link(KEY, text) is None


def test_a_link_is_one_spelling_only():
    token = sign_link(KEY, Link(ITEM, 1_800_000_000))
    for other in (token + "=", token + "\n", " " + token, token + "A", token[:-1], token.lower(), token.upper()):
        assert read_link(KEY, other) is None


def test_a_link_is_open_until_its_last_second_and_over_in_the_next():
    link = Link(ITEM, 1_800_000_000)
    assert not link.is_over(1_800_000_000)
    assert link.is_over(1_800_000_001)


def test_every_item_id_of_this_program_can_be_signed():
    assert read_link(KEY, sign_link(KEY, Link(ITEM, 0))) == Link(ITEM, 0)
