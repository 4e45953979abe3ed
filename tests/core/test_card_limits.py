"""How often a card may be tried: each row to its last attempt, over what it counts; ours below all others."""

from dataclasses import replace
from datetime import timedelta

import pytest

from billing.core.card_limits import (
    LIMITS,
    LONGEST,
    MARGIN,
    MOST_REPEATS,
    Attempt,
    Limit,
    Over,
    Wanted,
    What,
    allowed_from,
)

NOW = 1_800_000_000.0
WANTED = Wanted("acct_1", 1000, "usd")
ROWS = [limit for limit in LIMITS if limit.window is not None]
OTHERS = {
    Over.CARD: replace(WANTED, account="acct_2", amount=5),
    Over.CARD_AND_ACCOUNT: replace(WANTED, account="acct_2"),
    Over.CARD_ACCOUNT_AND_AMOUNT: replace(WANTED, amount=5),
}


def spread(limit: Limit, count: int, wanted: Wanted = WANTED, *, declined: bool = True) -> list[Attempt]:
    """So many attempts of the last day, one a minute."""
    at = [NOW - 60.0 * (n + 1) for n in range(count)]
    return [Attempt(when, wanted.account, wanted.amount, wanted.currency, declined) for when in at]


def alone(limit: Limit, monkeypatch) -> None:
    monkeypatch.setattr("billing.core.card_limits.LIMITS", (limit,))


@pytest.mark.parametrize("limit", ROWS, ids=str)
def test_each_row_lets_its_number_through_and_not_one_more(limit, monkeypatch):
    alone(limit, monkeypatch)
    wanted = replace(WANTED, brand=limit.brand)
    full = spread(limit, limit.most)
    assert allowed_from(wanted, full[1:], NOW) == NOW
    assert allowed_from(wanted, full, NOW) == min(each.at for each in full) + (limit.window + MARGIN).total_seconds()


@pytest.mark.parametrize("limit", ROWS, ids=str)
def test_there_is_room_again_exactly_when_so_many_are_left_that_one_more_fits(limit, monkeypatch):
    alone(limit, monkeypatch)
    wanted = replace(WANTED, brand=limit.brand)
    tries = spread(limit, limit.most + 3)
    then = allowed_from(wanted, tries, NOW)
    assert allowed_from(wanted, tries, then) == then
    assert allowed_from(wanted, tries, then - 1) > then - 1


@pytest.mark.parametrize("limit", ROWS, ids=str)
def test_a_row_counts_over_what_it_says_and_nothing_else(limit, monkeypatch):
    alone(limit, monkeypatch)
    wanted = replace(WANTED, brand=limit.brand)
    elsewhere = spread(limit, limit.most, OTHERS[limit.over])
    held = allowed_from(wanted, elsewhere, NOW) > NOW
    assert held is (limit.over is Over.CARD)
    unknown = allowed_from(wanted, spread(limit, limit.most, declined=False), NOW) > NOW
    assert unknown is (limit.what is What.ATTEMPTS)


@pytest.mark.parametrize("limit", [limit for limit in ROWS if limit.brand], ids=str)
def test_a_network_s_row_is_for_its_cards_and_for_those_whose_brand_nobody_knows(limit, monkeypatch):
    alone(limit, monkeypatch)
    full = spread(limit, limit.most)
    assert allowed_from(replace(WANTED, brand="amex"), full, NOW) == NOW
    assert allowed_from(replace(WANTED, brand=""), full, NOW) > NOW


def test_what_is_older_than_every_window_counts_nowhere():
    old = [replace(each, at=NOW - LONGEST.total_seconds()) for each in spread(LIMITS[0], 100)]
    assert allowed_from(WANTED, old, NOW) == NOW


def test_ours_are_below_all_others_and_one_payment_is_repeated_no_more_than_stripe_says():
    ours = [limit for limit in LIMITS if limit.whose == "ours"]
    assert {(limit.most, limit.window) for limit in ours} == {(1, timedelta(hours=24)), (4, timedelta(days=30))}
    assert all(limit.over is Over.CARD_AND_ACCOUNT and not limit.brand for limit in ours)
    assert max(limit.most for limit in ours) < min(limit.most for limit in LIMITS if limit.whose != "ours")
    assert [limit.most for limit in LIMITS if limit.over is Over.PAYMENT] == [MOST_REPEATS] == [8]


def test_every_row_says_where_it_stands():
    assert all(limit.source and limit.whose for limit in LIMITS)
