"""Waiting for a ledger that is away: longer each time, said once, and given up at last with what goes on."""

import pytest

from billing.core.errors import LedgerDamaged, LedgerError
from billing.core.exits import Exit
from billing.flow.workers.patience import GIVES_UP_AFTER, LONGEST_PAUSE, Patience


class Told:
    def __init__(self):
        self.events, self.now = [], 0.0

    def log(self, event, **facts):
        self.events.append(event)

    def clock(self):
        return self.now


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def patience(told):
    return Patience(told.log, "coaching-2026-11", told.clock)


AWAY = LedgerError("the server does not answer")


def test_pauses_grow_up_to_the_longest_and_it_is_said_once_that_it_is_away_and_once_that_it_is_back(told, patience):
    pauses = [patience.missed(AWAY) for _ in range(6)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, LONGEST_PAUSE, LONGEST_PAUSE]
    patience.heard()
    assert patience.missed(AWAY) == 1.0
    patience.answered()
    patience.answered()
    assert told.events == ["ledger_lost", "ledger_back"]
    assert patience.missed(AWAY) == 1.0


def test_it_is_given_up_after_minutes_with_what_goes_on(told, patience):
    patience.missed(AWAY)
    told.now = GIVES_UP_AFTER
    patience.missed(AWAY)
    told.now += 1
    with pytest.raises(LedgerError, match="the same command again goes on with coaching-2026-11") as given_up:
        patience.missed(AWAY)
    assert given_up.value.exit_code is Exit.STOPPED


def test_a_damaged_ledger_is_not_waited_for(told, patience):
    with pytest.raises(LedgerDamaged):
        patience.missed(LedgerDamaged("an entry was changed"))
    assert told.events == []
