"""What a list of subscriptions shows of their renewals: every way to fail is named with what helps, nothing else is."""

from itertools import product
from typing import Any

import pytest

from billing.core.objects.renewal import OWED, WHAT_TO_DO, RenewalSeen, Trouble, renewal_in, trouble_of

ROW: dict[str, Any] = {
    "id": "sub_1", "status": "past_due", "ended_at": None, "cancel_at": 950,
    "items": {"data": [{"current_period_end": 800}, {"current_period_end": 900}]},
    "latest_invoice": {"status": "open", "attempt_count": 2, "next_payment_attempt": 850},
}  # fmt: skip
SEEN = RenewalSeen("sub_1", "past_due", 900, 950, "open", 2, 850)


@pytest.mark.parametrize(
    ("status", "invoice", "attempts", "next_attempt", "trouble"),
    [
        ("active", "paid", 1, None, None),
        ("trialing", "paid", 0, None, None),
        ("active", "draft", 0, None, None),
        ("active", "open", 1, None, None),  # a bank has it, as a rule
        ("active", "open", 1, 850, Trouble.RETRYING),
        ("past_due", "open", 1, 850, Trouble.RETRYING),
        ("past_due", "open", 4, None, Trouble.PAST_DUE),
        ("unpaid", "open", 4, None, Trouble.UNPAID),
        ("unpaid", "draft", 0, None, Trouble.UNPAID),
        ("canceled", "open", 4, None, Trouble.OVER_AND_OWING),
        ("canceled", "uncollectible", 4, None, Trouble.OVER_AND_OWING),
        ("canceled", "void", 4, None, None),
        ("canceled", "paid", 1, None, None),
        ("incomplete_expired", "void", 1, None, None),
        ("incomplete", "open", 0, None, None),
        ("paused", "paid", 1, None, None),
    ],
)
def test_what_is_wrong_with_a_renewal(status, invoice, attempts, next_attempt, trouble):
    seen = RenewalSeen("sub_1", status, invoice=invoice, attempts=attempts, next_attempt=next_attempt)
    assert trouble_of(seen) is trouble


def test_what_is_paid_up_is_never_in_trouble_unless_stripe_says_so():
    for status, attempts, next_attempt in product(("active", "trialing", "canceled"), (0, 3), (None, 850)):
        for invoice in {"paid", "void", "draft", ""} - OWED:
            assert trouble_of(RenewalSeen("sub_1", status, None, None, invoice, attempts, next_attempt)) is None


def test_for_each_trouble_it_is_said_what_helps():
    assert set(WHAT_TO_DO) == set(Trouble)
    assert all(sentence.endswith(".") for sentence in WHAT_TO_DO.values())


def test_a_subscription_in_a_list_is_read_with_its_latest_invoice():
    assert renewal_in(ROW) == SEEN
    over = renewal_in(ROW | {"ended_at": 940, "latest_invoice": "in_1"})
    assert (over.ends_at, over.invoice, over.attempts, over.next_attempt) == (940, "", 0, None)


@pytest.mark.parametrize("name", sorted(ROW))
@pytest.mark.parametrize("value", [None, True, [], {}, "other", -1.5, {"data": True}, {"data": [None, {}]}])
def test_no_form_of_a_field_breaks_the_list(name, value):
    seen = renewal_in(ROW | {name: value})
    assert all(type(one) in (int, type(None)) for one in (seen.period_end, seen.ends_at, seen.next_attempt))
