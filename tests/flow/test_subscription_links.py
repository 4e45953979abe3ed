"""The link of a payer with an account, where a runner dies while it is made and Stripe has forgotten every key."""

from contextlib import suppress

import pytest

from billing.sandbox.inprocess import InProcess
from billing.sandbox.scenario import save_customer
from tests.flow.subscribe_world import SubscribeWorld
from tests.virtual import run_virtually

PAYERS, LINES_EACH = 3, 2
LAST = 40
# Requests that these lines take on one account, about.


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A wire that takes the process with it once the provider has carried out the nth request."""

    def __init__(self, wire: InProcess, left: int) -> None:
        self._wire, self._left = wire, left

    async def send(self, request):
        answer = await self._wire.send(request)
        self._left -= 1
        if self._left <= 0:
            raise Killed
        return answer

    async def aclose(self) -> None:
        await self._wire.aclose()


def members(folder) -> SubscribeWorld:
    """Some payers on one account, each with several lines that name the method they pay with."""
    bench = SubscribeWorld.make(folder, ())
    for _ in range(PAYERS):
        customer, method = save_customer(bench.sandbox)
        for _ in range(LINES_EACH):
            bench.line(customer, payment_method=method)
    return bench


async def dies(bench: SubscribeWorld, nth: int) -> None:
    async with bench.world.services(wire=Dying(InProcess(bench.sandbox), nth)) as services:
        await bench.world.plan(services)
        await bench.world.run(services)


@pytest.mark.parametrize("nth", range(1, LAST, 2))
def test_wherever_a_runner_dies_each_payer_is_one_customer_with_one_copy(tmp_path, nth):
    bench = members(tmp_path)
    with suppress(Killed, BaseExceptionGroup):
        run_virtually(lambda: dies(bench, nth))
    bench.sandbox.keys.prune()
    run_virtually(bench.go_on if nth > 1 else bench.subscribe_all)
    run_virtually(bench.assert_true)
    assert run_virtually(bench.states) == ["succeeded"] * (PAYERS * LINES_EACH)
    (account,) = bench.sandbox.world.accounts.values()
    used = {row["customer"] for row in account["sub"]}
    assert len(used) == PAYERS
    copies = [row["customer"] for row in account["pm"] if row["customer"]]
    assert sorted(copies) == sorted(used), "one copy is attached to each"
    assert {row["default_payment_method"] for row in account["sub"]} == {None}, "a sync moves the customer's default"
