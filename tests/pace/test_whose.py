"""Whose limit it was: accounts with limits of their own are slowed themselves, the key when all are refused alike."""

import asyncio
from statistics import median

import pytest

from billing.edge.pacing.limit_owner import WITNESSES, explained
from billing.edge.pacing.throttle import Rates, Throttle
from tests.pace.crowd import Crowd, pass_through
from tests.virtual import run

WIDE = Rates(100.0, 100.0, 100.0, 1000, 1000)


@pytest.mark.parametrize(("cap", "most"), [(60.0, 1.10), (200.0, 1.125)])
def test_many_accounts_under_limits_of_their_own_take_an_eighth_over_the_bound(cap, most, tmp_path, record_property):
    crowd, over = Crowd(cap=cap), []
    for seed in range(1, 4):
        (folder := tmp_path / str(seed)).mkdir()
        passed = pass_through(crowd, folder, seed)
        over.append(passed.over_bound)
        limits = {name: rate for name, rate in passed.learned.items() if name.startswith("account ")}
        # The busiest have met their limit; each is kept for the next run, none above what was let in.
        assert sum(0.8 * 6.0 <= rate <= 1.05 * 6.0 for rate in limits.values()) >= 4
        assert passed.learned.get("key", 60.0) >= 0.85 * 60.0  # and the key is not slowed for them
        assert passed.refused <= 0.06
    assert median(over) <= most  # more where the key's own limit has to be learnt too
    record_property("evidence", "whose limit: 3 runs of limited accounts within an eighth of the bound")


def test_accounts_without_limits_of_their_own_leave_the_keys_limit_to_the_key(tmp_path):
    passed = pass_through(Crowd("equal", items=600, account_rps=0.0), tmp_path, 1)
    assert 0.85 * 60.0 <= passed.learned["key"] <= 1.05 * 60.0
    assert passed.refused <= 0.03
    assert passed.over_bound <= 1.15  # the start from 20 a second and the last answers included


def steady(throttle: Throttle, accounts: list[str], rps: float, seconds: float):
    """Send on every account at ``rps`` for a while, so that none of them is faster than before."""

    async def one(account: str) -> None:
        for _ in range(round(rps * seconds)):
            async with throttle.turn("open", account):
                pass
            await asyncio.sleep(1 / rps)

    return asyncio.gather(*(one(account) for account in accounts))


def test_refusals_that_no_account_explains_are_the_keys_and_the_accounts_get_their_rates_back():
    async def main():
        throttle, names = Throttle(WIDE), [f"acct_{n}" for n in range(WITNESSES)]
        await steady(throttle, names, 5.0, 6.0)
        for name in names[:-1]:
            throttle.limited("global-rate", "open", name)
            assert throttle.key.rate == 100.0
            assert throttle.account_rps(name) < 100.0
        throttle.limited("global-rate", "open", names[-1])
        assert throttle.key.rate < 100.0
        assert [throttle.account_rps(name) for name in names] == [100.0] * WITNESSES

    run(main())


def test_refusals_of_one_account_are_its_own_however_many():
    async def main():
        throttle = Throttle(WIDE)
        await steady(throttle, ["acct_1", "acct_2", "acct_3"], 5.0, 6.0)
        for _ in range(20):
            throttle.limited("global-rate", "open", "acct_1")
        assert throttle.key.rate == 100.0
        assert throttle.account_rps("acct_1") < 100.0
        assert throttle.account_rps("acct_2") == 100.0

    run(main())


def test_an_account_that_has_sped_up_explains_its_refusal_and_one_that_has_not_does_not():
    async def main():
        throttle = Throttle(WIDE)
        now = asyncio.get_running_loop().time
        await steady(throttle, ["acct_1"], 5.0, 6.0)
        pacer = throttle._account("acct_1").pacer
        assert not explained(pacer, now())
        await steady(throttle, ["acct_1"], 20.0, 0.9)
        assert explained(pacer, now())

    run(main())


def test_the_platform_itself_has_no_limit_but_the_keys():
    async def main():
        throttle = Throttle(WIDE)
        await steady(throttle, ["acct_1", "acct_2"], 5.0, 1.0)
        throttle.limited("global-rate", "accounts.retrieve", "")
        assert throttle.key.rate < 100.0

    run(main())
