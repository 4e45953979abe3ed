"""The laws of names: one obligation, one id; one request, one key; nothing personal, nothing that changes."""

import re
from base64 import b32encode
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.core.items import Charge, Kind, Mode
from billing.core.keys import charge_digest, idempotency_key, item_id, length_prefixed
from billing.core.kinds import charge
from billing.core.money import Money

CHARGE = Charge(
    reference="INV-1",
    account="acct_1A",
    customer="cus_1",
    payment_method="pm_1",
    amount=Money(1099, "usd"),
    application_fee=55,
    description="Coaching",
    statement_suffix="NOV26",
    metadata=(("contract", "C-77"), ("branch", "north")),
)


@given(st.lists(st.text(max_size=8), max_size=6), st.lists(st.text(max_size=8), max_size=6))
def test_different_field_lists_never_give_the_same_bytes(left, right):
    assert (length_prefixed(left) == length_prefixed(right)) == (left == right)


def test_an_item_id_names_the_obligation_and_nothing_else():
    first = item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 0, Kind.CHARGE)
    assert re.fullmatch(r"[a-z2-7]{32}", first)
    others = {
        item_id(Mode.LIVE, "acct_P", "2026-11", "INV-1", 0, Kind.CHARGE),
        item_id(Mode.TEST, "acct_Q", "2026-11", "INV-1", 0, Kind.CHARGE),
        item_id(Mode.TEST, "acct_P", "2026-12", "INV-1", 0, Kind.CHARGE),
        item_id(Mode.TEST, "acct_P", "2026-11", "INV-2", 0, Kind.CHARGE),
        item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 1, Kind.CHARGE),
    }
    assert len(others) == 5
    assert first not in others


def test_one_reference_is_another_obligation_of_each_kind():
    of_kinds = {item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 0, kind) for kind in Kind}
    assert len(of_kinds) == len(Kind) > 1


def test_ids_and_keys_never_change_between_releases():
    # A change here would make a continued run charge again under new names. Raise the scheme number instead.
    item = item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 0, Kind.CHARGE)
    assert item == "3yt3mp7oeri4iu37dpjln6xy5qewvqsq"
    assert item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 0, Kind.REFUND) == "h6bhmjxplwqjs2itvwklenu474utyrgf"
    assert (
        idempotency_key(Mode.TEST, "acct_P", "acct_1A", item, charge.CONFIRM.name, 1, 0)
        == "bil1-confirm-nmnk7le5usem3nidqtledmqzagwu2myj3pqukm3d3owqfhlu4pha"
    )


OPS = [op.name for op in charge.OPS]


@given(
    st.sampled_from(Mode), st.text(max_size=8), st.text(max_size=8), st.text(max_size=40), st.sampled_from(OPS),
    st.integers(0, 99), st.integers(0, 10**6),
)  # fmt: skip
def test_a_key_is_the_digest_of_all_its_fields_in_base_32(mode, platform, account, item, op, attempt, number):
    digest = sha256(length_prefixed((1, mode, platform, account, item, op, attempt, number))).digest()
    spelt = b32encode(digest).decode().rstrip("=").lower()
    assert idempotency_key(mode, platform, account, item, op, attempt, number) == f"bil1-{op}-{spelt}"


@pytest.mark.parametrize(
    "change",
    [
        {"account": "acct_1B"},
        {"customer": "cus_2"},
        {"payment_method": None},
        {"amount": Money(1100, "usd")},
        {"amount": Money(1099, "eur")},
        {"application_fee": None},
        {"application_fee": 0},
        {"description": None},
        {"statement_suffix": "DEC26"},
        {"metadata": (("contract", "C-78"), ("branch", "north"))},
    ],
)
def test_the_digest_changes_with_anything_that_is_charged(change):
    assert charge_digest(replace(CHARGE, **change)) != charge_digest(CHARGE)


def test_the_digest_ignores_the_order_of_metadata_and_the_reference():
    assert charge_digest(replace(CHARGE, metadata=CHARGE.metadata[::-1])) == charge_digest(CHARGE)


def test_a_key_is_short_and_differs_in_each_of_its_parts():
    parts = [Mode.TEST, "acct_P", "acct_1A", "i" * 32, charge.CONFIRM.name, 1, 0]
    variants = [Mode.LIVE, "acct_Q", "acct_1B", "j" * 32, charge.CLONE.name, 2, 1]
    keys = {idempotency_key(*parts)}
    for place, other in enumerate(variants):
        keys.add(idempotency_key(*parts[:place], other, *parts[place + 1 :]))
    assert len(keys) == len(parts) + 1
    assert all(len(key) <= 70 and re.fullmatch(r"bil1-[a-z]+-[a-z2-7]{52}", key) for key in keys)
