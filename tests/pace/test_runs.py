"""Whole runs under the pacer: storms, outages, locks, and what one run leaves for the next."""

import asyncio
from collections import Counter

from billing.cli.progress_bar import frame
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.core.life import Group
from billing.edge.pacing.pacer import KNOWN_SHARE, LONGEST_RETRY_AFTER, SLOWEST, START_RPS
from billing.edge.pacing.throttle import Rates
from billing.edge.settings.load import load_settings
from billing.flow.engine.learned_rates import DAYS, KIND, remembered
from billing.flow.engine.runner import STALLED_SECONDS
from billing.flow.execute import execute
from billing.flow.open_services import ServiceOptions, open_services
from billing.flow.options import RunOptions
from billing.sandbox.config import START, Latency, Limits, SandboxConfig
from billing.sandbox.faults import Fault, FaultKind, Scripted
from billing.sandbox.inprocess import InProcess
from tests.flow.world import RUN, World
from tests.pace.harness import OFF, per_second
from tests.virtual import run_virtually

HIGH = Rates(500.0, 500.0, 500.0, 256, 256)
OPEN = "payment_intents.create"
EVER = 10**9
LATENCY = Latency(median_seconds=0.6, rejection_seconds=0.055)


def stage(folder, limits: Limits = OFF, **spec) -> World:
    """A world on the running loop's time; every item pays."""
    loop = asyncio.get_running_loop()
    config = SandboxConfig(limits=limits, latency=LATENCY, log_size=100_000)
    return World.make(folder, config, lambda: START + loop.time(), mix={"succeeds": 1.0}, **spec)


async def charge(world: World, rates: Rates = HIGH):
    async with world.services(rates=rates) as services:
        await world.plan(services)
        return await world.run(services)


def test_one_item_that_is_refused_for_ever_sends_one_request_in_two_seconds(tmp_path, record_property):
    async def main():
        world = stage(tmp_path, items=1, accounts=1)
        world.script(FaultKind.RATE_LIMITED, OPEN, times=EVER)
        ending = await charge(world)
        assert ending.exit is Exit.UNREACHABLE
        return world.sandbox.requests[OPEN].sent

    sent = run_virtually(main)
    assert 50 <= sent <= STALLED_SECONDS * SLOWEST + 50
    record_property("evidence", f"pace: {sent} requests of an item that is refused for ten minutes")


def test_an_account_that_is_refused_for_ever_does_not_slow_the_others(tmp_path):
    async def main():
        world = stage(tmp_path, items=600, accounts=12)
        loop, unlucky = asyncio.get_running_loop(), world.scenario.rows[0].account
        world.sandbox.faults.add(Scripted(Fault(FaultKind.RATE_LIMITED), OPEN, account=unlucky, times=EVER))
        began = loop.time()
        await charge(world, Rates(60.0, 60.0, 60.0, 64, 64))
        paid = [line for line in world.sandbox.log if line.operation.endswith("confirm") and line.status == 200]
        others = sum(item.account != unlucky for item in world.scenario.rows)
        assert len(paid) == others
        assert paid[-1].at - START - began <= 1.15 * 3 * others / 60.0 + 10.0
        tries = [line for line in world.sandbox.log if line.account == unlucky and line.operation == OPEN]
        assert len(tries) <= STALLED_SECONDS * SLOWEST + 100

    run_virtually(main)


def test_a_lock_rests_its_own_payer_and_slows_nothing_else(tmp_path):
    async def main():
        world = stage(tmp_path, items=200, accounts=4)
        loop = asyncio.get_running_loop()
        world.script(FaultKind.LOCK_TIMEOUT, "payment_methods.create", nth=20, times=20)
        async with world.services(rates=Rates(60.0, 60.0, 60.0, 64, 64)) as services:
            await world.plan(services)
            began = loop.time()
            await world.run(services)
            assert services.gateway.throttle.key.rate == 60.0
            assert services.gateway.throttle.learned() == {}
        assert (await world.groups()) == Counter({Group.SUCCEEDED: 200})
        requests = world.sandbox.requests.total()
        assert loop.time() - began <= requests / 60.0 + 8.0

    run_virtually(main)


def test_five_minutes_of_outage_cost_under_200_requests_and_five_seconds_afterwards_all_is_well(tmp_path):
    async def main():
        world = stage(tmp_path, items=400, accounts=8)
        loop = asyncio.get_running_loop()
        down = world.sandbox.begin

        def begin(request):
            if 5.0 <= loop.time() < 305.0:
                asked.append(loop.time())
                world.sandbox.faults.add(Scripted(Fault(FaultKind.STORED_500_UNDONE)))
            return down(request)

        asked: list[float] = []
        world.sandbox.begin = begin
        await charge(world, Rates(40.0, 40.0, 40.0, 64, 64))
        assert len(asked) <= 200
        after = [line.at - START for line in world.sandbox.log if line.at - START >= 310.0]
        assert sum(at < 315.0 for at in after) >= 0.9 * 5 * 40.0
        await world.assert_true()

    run_virtually(main)


def test_no_second_of_a_run_holds_more_than_the_cap(tmp_path):
    async def main():
        world = stage(tmp_path, items=300, accounts=6)
        await charge(world, Rates(100.0, 50.0, 100.0, 256, 256))
        times = [line.at for line in world.sandbox.log]
        first, most = 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - 1.0:
                first += 1
            most = max(most, last - first + 1)
        assert 90 <= most <= 102

    run_virtually(main)


def test_what_a_run_has_learned_the_ledger_keeps_for_a_week(tmp_path):
    async def main():
        world = stage(tmp_path, per_second(40.0), items=400, accounts=8)
        async with world.services(rates=HIGH) as services:
            await world.plan(services)
            await world.run(services)
            learned = services.gateway.throttle.learned()
            recall = remembered(services.ledger, services.clock, Mode.TEST)
            assert 0.85 * 40.0 <= learned["key"] <= 1.05 * 40.0
            assert recall("key") == learned["key"]
            assert remembered(services.ledger, services.clock, Mode.LIVE)("key") is None
            world.sandbox.advance((DAYS - 1) * 86_400)
            services.clock.learn(world.sandbox.now)
            assert recall("key") == learned["key"]
            world.sandbox.advance(2 * 86_400)
            services.clock.learn(world.sandbox.now)
            assert recall("key") is None

    run_virtually(main)


async def test_platforms_that_share_a_ledger_learn_apart_and_one_alone_keeps_what_it_had_learned(tmp_path):
    world = World.make(tmp_path)
    async with world.services() as services:
        ledger, clock, mine = services.ledger, services.clock, services.platform

        def recalled(platform: str | None) -> float | None:
            return remembered(ledger, clock, Mode.TEST, platform)("key")

        await ledger.keep_lookups(KIND, {"test key": {"requests_per_second": 10.0}})
        assert recalled(None) == recalled(mine) == 10.0  # no run yet: it can only be ours
        await world.plan(services)
        assert recalled(None) == recalled(mine) == 10.0
        assert recalled("acct_another") is None
        await ledger.keep_lookups(KIND, {"test acct_another key": {"requests_per_second": 20.0}})
        await ledger.keep_lookups(KIND, {f"test {mine} key": {"requests_per_second": 30.0}})
        assert (recalled(None), recalled(mine), recalled("acct_another")) == (30.0, 30.0, 20.0)


async def test_a_run_starts_a_tenth_under_what_was_learned_and_never_above_its_cap(tmp_path):
    async def main(rate: float | None, learned: float | None) -> tuple[float, float]:
        folder = tmp_path / f"{rate}-{learned}"
        folder.mkdir()
        world = World.make(folder)
        environ = {"BILLING_LEDGER": f"sqlite:///{folder / 'l.db'}", "BILLING_LEDGER_KEY_FILE": str(folder / "k")}
        settings = load_settings({**environ, "BILLING_API_BASE": "http://127.0.0.1"})
        key, wire = {"STRIPE_API_KEY": "sk_test_learnedlearned"}, InProcess(world.sandbox)
        opening = ServiceOptions(Mode.TEST, "test", rate=rate)
        if learned is not None:
            async with open_services(settings, key, opening, lambda *_, **__: None, wire=wire) as services:
                await services.ledger.keep_lookups(KIND, {"test key": {"requests_per_second": learned}})
        async with open_services(settings, key, opening, lambda *_, **__: None, wire=wire) as services:
            pacer = services.gateway.throttle.key
            return pacer.rate, pacer.cap

    assert await main(200.0, None) == (START_RPS, 200.0)
    assert await main(200.0, 100.0) == (KNOWN_SHARE * 100.0, 200.0)
    assert await main(200.0, 1000.0) == (200.0, 200.0)
    assert await main(None, None) == (10.0, 10.0)  # documented for test mode, and the share of it: trusted at once
    assert await main(None, 5.0) == (KNOWN_SHARE * 5.0, 10.0)


def test_a_run_that_met_no_limit_writes_nothing_about_limits(tmp_path):
    async def main():
        world = stage(tmp_path, items=20, accounts=2)
        async with world.services() as services:
            await world.plan(services)
            await world.run(services)
            assert services.gateway.throttle.learned() == {}

    run_virtually(main)


def test_a_person_sees_that_a_limit_slows_the_run_down_and_how_long_it_still_takes(tmp_path):
    async def main():
        world = stage(tmp_path, per_second(20.0), items=400, accounts=8)
        shown: list[list[str]] = []
        async with world.services(rates=HIGH) as services:
            await world.plan(services)
            options = RunOptions()
            await execute(
                services,
                RUN,
                options,
                world.policies,
                lambda snapshot: shown.append(frame(RUN, snapshot, 120, unicode=False)),
            )
        return shown

    shown = run_virtually(main)
    bar, _, note = shown[len(shown) // 2]
    assert bar.endswith(" left")
    said, most = note.removeprefix("Stripe asks us to slow down: ").split(" requests")[0].split(" of ")
    assert int(said) <= 25 < int(most)


def test_an_answer_that_asks_for_eleven_days_of_patience_gets_half_a_minute(tmp_path):
    async def main():
        world = stage(tmp_path, items=20, accounts=2)
        world.script(FaultKind.RATE_LIMITED, OPEN, nth=3, headers={"retry-after": "999999"})
        loop = asyncio.get_running_loop()
        ending = await charge(world)
        assert ending.exit is Exit.OK
        assert loop.time() <= LONGEST_RETRY_AFTER + 15.0
        assert (await world.groups()) == Counter({Group.SUCCEEDED: 20})

    run_virtually(main)
