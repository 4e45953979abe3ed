"""How long a run takes, as arithmetic: the slowest limit decides, then the start, then the last answer."""

from dataclasses import replace

import pytest

from billing.core.estimates import Load, Speed, estimate

ROUNDS = (2, 1)
# Of a charge: open and clone together, then the confirm.
ITEM = 0.6 * (1.45 + 1.13)
LIST = 0.6 * 1.13
# Seconds of one item, and of a list, at the usual latency.
WIDE = Speed(1e6, 1e6, 1e6, concurrency=10**6)


@pytest.mark.parametrize(
    ("load", "speed", "seconds"),
    [
        (Load(1000, ROUNDS, 10), replace(WIDE, key_rps=30), 100.0),
        (Load(1000, ROUNDS, 10), replace(WIDE, endpoint_rps=10), 100.0),
        (Load(1000, ROUNDS, 501), replace(WIDE, account_rps=5), 300.0 + ITEM),  # the first of an account goes alone
        (Load(1000, ROUNDS, 10), replace(WIDE, concurrency=10), 3 * 1000 * 0.6 * 1.13 / 10),
        (Load(1000, ROUNDS, 10, largest_payer=101), WIDE, 100 * ITEM),
        (Load(1000, ROUNDS, 10, accounts=500), replace(WIDE, key_rps=35), 100.0),
        (Load(1000, ROUNDS, 501, accounts=2), replace(WIDE, account_rps=5), 300.0 + ITEM + LIST),
        (Load(1000, ROUNDS, 10, largest_payer=101, accounts=9, payer_accounts=5), WIDE, 100 * ITEM + 5 * LIST),
        (Load(1000, ROUNDS, 10, largest_payer=51), replace(WIDE, answer=2.0, key_rps=300), 50 * 2.0 * (1.45 + 1.13)),
    ],
    ids=[
        "key",
        "endpoint",
        "account",
        "in flight",
        "payer",
        "lists",
        "account and its list",
        "payer who waits for lists",
        "payer of a slow provider",
    ],
)
def test_the_slowest_limit_decides_and_the_last_items_have_to_be_answered(load, speed, seconds):
    last = 1.5 * speed.answer * (1.45 + 1.13)
    assert estimate(load, speed).seconds == pytest.approx(seconds + last, abs=0.01)
    assert estimate(load, speed).requests == 3 * load.items + load.accounts


def test_a_key_that_begins_lower_adds_what_it_falls_behind():
    at_once = Speed(160, 1e6, 1e6, concurrency=10**6)
    doubling = replace(at_once, start_rps=20)
    # 20, 40, 80, 160: 4.5 s, in which 303 requests leave instead of 720.
    assert estimate(Load(4000, ROUNDS, 1), doubling).seconds - estimate(
        Load(4000, ROUNDS, 1), at_once
    ).seconds == pytest.approx(4.5 - 140 * 1.5 / 0.6931 / 160, abs=0.01)
    assert estimate(Load(4000, ROUNDS, 1), replace(at_once, start_rps=160)) == estimate(Load(4000, ROUNDS, 1), at_once)


def test_a_run_that_ends_before_the_key_is_up_takes_the_time_of_its_requests():
    # From 20/s: 3 requests are sent after 0.14 s, long before the rate is reached.
    seconds = estimate(Load(1, ROUNDS, 1), Speed(1e3, 1e6, 1e6, start_rps=20)).seconds
    assert seconds == pytest.approx(0.143 + 1.5 * ITEM, abs=0.01)


def test_nothing_to_charge_takes_no_time():
    assert estimate(Load(0, ROUNDS, 0), WIDE).seconds == 0.0
