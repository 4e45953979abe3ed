"""Names of files made of ids: whatever an id is, its file stays in its folder and is nobody else's."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from billing.core.filenames import safe_names
from tests.reporting import hostile

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
DEVICES = {"con", "prn", "aux", "nul", "com1", "lpt9", "index"}
ODD = ("../../etc/passwd", "/", "", ".", "..", "CON", "con.txt", "NUL", "index", "a" * 500, "acct_A", "acct_a", "ａ",
       "\x00", "a/b", "a-b", "-rf", ".hidden", "a.", "\u00e9", "e\u0301", "\ud800")  # fmt: skip


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(ODD), st.sampled_from(hostile.TEXTS)), unique=True))
@example(list(ODD))
@example([*hostile.TEXTS])
def test_every_name_is_safe_and_no_two_are_alike_on_a_disk_without_case(ids):
    names = safe_names(ids)
    assert {*names} == {*ids}
    for name in names.values():
        assert SAFE.fullmatch(name)
        assert len(name) <= 100
        assert name.casefold() not in DEVICES
    assert len({name.casefold() for name in names.values()}) == len(ids)


def test_an_ordinary_id_is_its_own_name_and_one_that_looks_like_another_ones_name_is_not():
    assert safe_names(["acct_1A", "acct_2b"]) == {"acct_1A": "acct_1A", "acct_2b": "acct_2b"}
    odd = safe_names(["acct/1"])["acct/1"]
    both = safe_names(["acct/1", odd])
    assert both["acct/1"] == odd
    assert both[odd] != odd


@given(st.lists(st.text(max_size=8), unique=True))
def test_the_order_of_ids_changes_no_name(ids):
    assert safe_names(ids) == safe_names(reversed(ids))
