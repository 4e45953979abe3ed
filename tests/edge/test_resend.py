"""The same request again: when, how often, and what all sends together mean."""

import asyncio

import pytest

from billing.core.exits import Exit
from billing.core.outcomes import Busy, Halt, Lost, Made, Outcome, Refused, Unsent, UnsentWhy
from billing.core.replies import Reply
from billing.edge.stripe.breaker import RetryBudget
from billing.edge.stripe.resend import BUSY_WAITS, SENDS, resend
from tests.virtual import run

LOST, RENEW, BUSY, DONE = Lost(renew=False), Lost(renew=True), Busy(), Made("pi_1")
LIMITED = Unsent(UnsentWhy.LIMITED, "global-rate")
LOCKED = Unsent(UnsentWhy.LOCKED, "lock_timeout")
NETWORK = Unsent(UnsentWhy.NETWORK, "ClientConnectorError")
REFUSED = Refused("parameter_invalid", "amount", "no")
HALT = Halt(Exit.STOPPED, "stop")


def sends(*outcomes: Outcome, repeats: RetryBudget | None = None) -> tuple[Outcome, int, float]:
    """Resend through these outcomes, the last one for ever; return the result, the sends and the seconds."""
    count = 0

    async def send() -> Outcome:
        nonlocal count
        count += 1
        return outcomes[min(count, len(outcomes)) - 1]

    async def main() -> tuple[Outcome, int, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = await resend(send, repeats)
        return outcome, count, loop.time() - began

    return run(main())


@pytest.mark.parametrize(
    ("outcomes", "result", "count"),
    [
        ([DONE], DONE, 1),
        ([LOST, DONE], DONE, 2),
        ([LOST], LOST, SENDS),
        ([RENEW], RENEW, 1),
        ([LOST, RENEW], RENEW, 2),
        ([NETWORK, DONE], DONE, 2),
        ([NETWORK], NETWORK, SENDS),
        ([BUSY, BUSY, DONE], DONE, 3),
        ([BUSY], Lost(renew=False), BUSY_WAITS + 1),
        ([LIMITED], LIMITED, 1),
        ([LOCKED], LOCKED, 1),
        ([REFUSED], REFUSED, 1),
        ([HALT], HALT, 1),
        # the repeat was not executed, the first send perhaps was
        ([LOST, LIMITED], LOST, 2),
        ([LOST, NETWORK], LOST, SENDS),
        ([LOST, REFUSED], REFUSED, 2),
    ],
)
def test_what_is_repeated_and_what_all_sends_together_mean(outcomes, result, count):
    assert sends(*outcomes)[:2] == (result, count)


def test_a_busy_key_that_will_not_free_itself_is_not_waited_for():
    told = Busy(reply=Reply(status=409, should_retry=False))
    assert sends(told)[1] == 1


def test_repeats_after_lost_answers_stop_when_the_budget_is_empty():
    repeats = RetryBudget(lambda: 0.0)
    counts = [sends(LOST, repeats=repeats)[1] for _ in range(7)]
    assert counts == [3, 3, 3, 3, 3, 1, 1]


def test_waiting_for_a_running_request_costs_no_repeat():
    repeats = RetryBudget(lambda: 0.0)
    sends(BUSY, repeats=repeats)
    assert repeats.taken == 0


def test_the_pauses_are_bounded_and_what_the_provider_asks_is_a_lower_bound():
    assert sends(BUSY)[2] <= 0.5 + 1 + 2 + 4 + 8 * (BUSY_WAITS - 4)
    asked = Lost(renew=False, reply=Reply(status=503, retry_after=30.0))
    assert sends(asked)[2] >= 60


def test_a_request_that_asks_for_ages_is_left_alone():
    assert sends(Lost(renew=False, reply=Reply(status=503, retry_after=3600.0)))[1:] == (1, 0.0)


def test_an_outage_that_ends_the_run_is_not_swallowed():
    async def send() -> Outcome:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        run(resend(send))
