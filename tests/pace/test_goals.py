"""Pace goals: the shipped throttle before the sandbox's limiters, on virtual time, the median of five seeds."""

import math
from statistics import median

import pytest

from billing.edge.pacing.pacer import START_RPS
from billing.edge.pacing.throttle import Rates, Throttle
from billing.sandbox.config import LimitChange
from tests.pace.baselines import AimdThrottle, FixedThrottle
from tests.pace.harness import OFF, SEEDS, Play, Trace, per_second, unknown, wide

LIMIT, HALF = 100.0, 50.0
FALL, RISE, END = 30.0, 60.0, 90.0
CHANGES = (LimitChange(FALL, per_second(HALF)), LimitChange(RISE, per_second(LIMIT)))


def settled(trace: Trace) -> float:
    """Seconds after the fall until refusals are rare and the new limit is used."""
    return trace.until(FALL, RISE, lambda a, b: trace.refused(a, b) <= 0.02 and trace.admitted(a, b) >= 0.9 * HALF)


def recovered(trace: Trace) -> float:
    """Seconds after the rise until the old limit is used again."""
    return trace.until(RISE, END, lambda a, b: trace.admitted(a, b) >= 0.9 * LIMIT)


@pytest.fixture(scope="module")
def item() -> list[Trace]:
    """The limit is known: it is the cap."""
    return Play(wide(LIMIT), per_second(LIMIT)).traces()


@pytest.fixture(scope="module")
def changing() -> list[Trace]:
    """The limit is the cap, halves, and doubles back."""
    return Play(wide(LIMIT), per_second(LIMIT), CHANGES, seconds=END).traces()


def test_a_known_limit_is_used_to_98_percent_and_refuses_at_most_2_in_a_thousand(item, record_property):
    assert median(trace.admitted(0.0, 60.0) for trace in item) >= 0.98 * LIMIT
    assert median(trace.refused() for trace in item) <= 0.002
    sent, refused = sum(len(trace.seen) for trace in item), sum(t.refused() * len(t.seen) for t in item)
    record_property("evidence", f"pace: {sent:,} requests at a known limit, {refused:.0f} of them refused")


def test_a_limit_learned_by_an_earlier_run_is_used_to_98_percent():
    def second_run(rates: Rates) -> Throttle:
        return Throttle(rates, start=START_RPS, remember=lambda _name: LIMIT)

    traces = Play(wide(LIMIT), per_second(LIMIT), throttle=second_run).traces()
    assert median(trace.admitted(0.0, 60.0) for trace in traces) >= 0.98 * LIMIT
    assert median(trace.refused() for trace in traces) <= 0.002


def test_no_second_holds_more_than_the_cap_and_2_percent(item, changing):
    for trace in item + changing:
        assert trace.most_in_any_second() <= 1.02 * LIMIT


@pytest.mark.parametrize("cap", [7.0, 10.0, 25.0, 40.0, 250.0])
def test_no_second_holds_more_than_the_cap_and_one_request_or_2_percent(cap):
    trace = Play(wide(cap), OFF, seconds=30.0).perform(0)
    assert trace.most_in_any_second() <= max(math.ceil(cap) + 1, 1.02 * cap)
    assert trace.admitted(2.0, 28.0) >= 0.98 * cap


@pytest.mark.parametrize(("limit", "cap"), [(100.0, 200.0), (100.0, 1000.0), (25.0, 100.0)])
def test_an_unknown_limit_is_found_in_10_seconds_and_refuses_at_most_1_percent(limit, cap):
    traces = Play(wide(cap), per_second(limit), throttle=unknown).traces()
    found = (trace.until(0.0, 60.0, lambda a, b, t=trace: t.admitted(a, b) >= 0.95 * limit) for trace in traces)
    assert median(found) <= 10.0
    assert median(trace.admitted(10.0, 60.0) for trace in traces) >= 0.95 * limit
    assert median(trace.refused() for trace in traces) <= 0.01


def test_a_limit_that_halves_is_met_within_3_seconds(changing):
    assert median(settled(trace) for trace in changing) <= 3.0
    assert median(trace.refused(FALL + 3.0, FALL + 13.0) for trace in changing) <= 0.02
    assert median(trace.admitted(FALL + 3.0, RISE) for trace in changing) >= 0.9 * HALF


def test_a_limit_that_doubles_back_is_used_to_90_percent_within_15_seconds(changing):
    assert median(recovered(trace) for trace in changing) <= 15.0


def test_a_limit_that_halves_and_doubles_back_refuses_at_most_1_percent_in_all(changing):
    assert median(trace.refused() for trace in changing) <= 0.01


def test_a_limit_on_concurrency_is_used_to_85_percent_and_refuses_at_most_5_in_a_thousand():
    crowd = per_second(LIMIT, platform_concurrency=40)
    attainable = Play(wide(LIMIT), crowd, seconds=60.0, throttle=FixedThrottle).median(lambda t: t.admitted(10.0, 60.0))
    traces = Play(wide(LIMIT), crowd, seconds=60.0).traces()
    assert median(trace.admitted(10.0, 60.0) for trace in traces) >= 0.85 * attainable
    assert median(trace.refused() for trace in traces) <= 0.005


def test_it_refuses_less_and_uses_more_than_fixed_rates_and_than_additive_increase(changing):
    def figures(traces: list[Trace]) -> tuple[float, float]:
        return median(t.refused() for t in traces), median(t.admitted(0.0, END) for t in traces)

    refused, used = figures(changing)
    for rival in (FixedThrottle, AimdThrottle):
        play = Play(wide(LIMIT), per_second(LIMIT), CHANGES, seconds=END, throttle=rival)
        assert refused < figures(play.traces())[0]
    timid = Play(wide(HALF), per_second(LIMIT), CHANGES, seconds=END, throttle=FixedThrottle)
    assert used > 1.2 * figures(timid.traces())[1]


@pytest.mark.parametrize("reason", ["resource-specific", "global-rate"])
def test_the_limit_of_one_account_slows_that_account_and_no_other(reason):
    """Whatever the reason says: nine accounts want 90 requests a second, the tenth is let in twice a second."""
    names = [f"acct_{n}" for n in range(10)]

    slow = per_second(0.0, account_rate=2.0, account_reason=reason)
    play = Play(Rates(LIMIT, LIMIT, 10.0, 256, 64), per_second(LIMIT), accounts=names, narrow={"acct_0": slow})
    for trace in play.traces():
        others = Trace([each for each in trace.seen if each.account != "acct_0"])
        assert others.admitted(5.0, 60.0) >= 0.98 * 90.0
        own = trace.of(account="acct_0")
        assert own.admitted(5.0, 60.0) >= 0.8 * 2.0
        assert own.refused(5.0, 60.0) <= 0.1


def test_the_limit_of_one_endpoint_slows_that_endpoint_and_no_other():
    play = Play(
        Rates(80.0, 40.0, 80.0, 256, 256), OFF, endpoints=("open", "clone"),
        narrow={"clone": per_second(0.0, endpoint_rate=20.0)},
    )  # fmt: skip
    for trace in play.traces():
        assert trace.of(endpoint="open").admitted(5.0, 60.0) >= 0.98 * 40.0
        assert trace.of(endpoint="clone").admitted(5.0, 60.0) >= 0.9 * 20.0
        assert trace.of(endpoint="clone").refused(5.0, 60.0) <= 0.02


def test_the_same_seed_gives_the_same_performance():
    play = Play(wide(LIMIT), per_second(HALF), seconds=10.0, throttle=unknown)
    assert play.perform(SEEDS[0]).seen == play.perform(SEEDS[0]).seen
