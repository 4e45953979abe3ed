"""The texts of facts: the same ones for ever, whichever way they are written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.edge.ledger.rows import json_text, reads_back

ANY_TEXT = st.text(alphabet=st.characters(blacklist_categories=()))  # halves of surrogate pairs included
FLAT = st.dictionaries(ANY_TEXT, st.none() | st.booleans() | st.integers() | ANY_TEXT)


def standard(value: object) -> str:
    """What the standard library writes: what every ledger so far was written with."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


@given(FLAT)
def test_flat_facts_have_the_text_that_the_standard_library_gives_them(facts):
    assert json_text(facts) == standard(facts)
    assert not reads_back(facts, json_text(facts)) or json.loads(json_text(facts)) == facts


@given(st.dictionaries(st.text(), st.recursive(st.floats(allow_nan=False, allow_infinity=False), st.lists)))
def test_whatever_else_is_json_has_it_too(facts):
    assert json_text(facts) == standard(facts)


@pytest.mark.parametrize("facts", [{"x": float("nan")}, {"x": float("inf")}, {"x": b""}, {"x": {1, 2}}, {b"x": 1}])
def test_what_is_no_json_is_refused(facts):
    with pytest.raises((TypeError, ValueError)):
        json_text(facts)
