"""The pacer and the slots by themselves, on times that the test makes up: what they do at which refusal, and when."""

import math

import pytest

from billing.edge.pacing.concurrency_limit import GAIN_PER_SECOND, KEEP_SHARE, LearnedSlots
from billing.edge.pacing.concurrency_limit import QUIET_SECONDS as SLOT_QUIET_SECONDS
from billing.edge.pacing.pacer import (
    BURST,
    DOUBLING_SECONDS,
    HOLD_SHARE,
    LONGEST_QUIET_SECONDS,
    MEASURE_SECONDS,
    MEASURE_SHARE,
    QUIET_GROWTH,
    QUIET_SECONDS,
    SETTLE_SECONDS,
    SLOWEST,
    Pacer,
    Phase,
)

SAVED = 3.0
# Tokens the provider's bucket holds.


class Bench:
    """A pacer under constant demand, before a provider that refuses whatever is above its limit.

    A refusal is heard of ``deaf`` seconds after its send.
    """

    def __init__(self, pacer: Pacer, limit: float = math.inf, deaf: float = 0.05) -> None:
        self.pacer = pacer
        self.limit = limit
        self.deaf = deaf
        self.now = 0.0
        self.sent: list[float] = []
        self.phases: list[Phase] = []
        self._level = SAVED
        self._heard: list[float] = []

    def until(self, end: float) -> None:
        """Send whatever the pacer allows until ``end``."""
        while (due := max(self.pacer.due, self.now)) < end:
            while self._heard and self._heard[0] + self.deaf <= due:
                sent_at = self._heard.pop(0)
                self.pacer.refused(sent_at + self.deaf, sent_at)
            if self.pacer.due > due:
                continue
            if self.sent:
                self._level = min(SAVED, self._level + (due - self.sent[-1]) * self.limit)
            self.now = due
            self.pacer.take(due)
            self.sent.append(due)
            if self._level >= 1.0 - 1e-9:
                self._level -= 1.0
            else:
                self._heard.append(due)
            if not self.phases or self.phases[-1] is not self.pacer.phase:
                self.phases.append(self.pacer.phase)
        self.now = end


def test_a_full_bucket_holds_two_and_no_more():
    pacer = Pacer(10.0)
    given = 0
    while pacer.due <= 100.0:
        pacer.take(100.0)
        given += 1
    assert given == BURST


def test_what_was_not_taken_for_an_hour_is_not_given_at_once():
    bench = Bench(Pacer(10.0))
    bench.until(1.0)
    bench.now = 3600.0
    before = len(bench.sent)
    bench.until(3600.999)
    assert len(bench.sent) - before == 10 + BURST - 1


def test_it_starts_doubling_and_stops_at_the_cap():
    pacer = Pacer(100.0, start=20.0)
    bench = Bench(pacer)
    bench.until(DOUBLING_SECONDS)
    assert pacer.rate == pytest.approx(40.0, rel=0.1)
    bench.until(60.0)
    assert (pacer.phase, pacer.rate) == (Phase.HOLD, 100.0)


def test_it_never_starts_above_its_cap():
    assert Pacer(10.0, start=500.0).rate == 10.0


def test_a_rate_nobody_asked_for_does_not_grow():
    pacer = Pacer(100.0, start=20.0)
    for second in range(600):  # one request a second: nothing shows that more would be let in
        pacer.take(float(second))
    assert pacer.rate == 20.0


@pytest.mark.parametrize("limit", [3.0, 25.0, 100.0, 400.0])
def test_after_a_refusal_it_holds_just_under_what_was_let_in(limit):
    bench = Bench(Pacer(limit * 1.4), limit)
    bench.until(MEASURE_SECONDS + SETTLE_SECONDS + 1.0 + 13 / limit)
    assert [phase for phase in bench.phases if phase is not Phase.SETTLE] == [Phase.HOLD, Phase.MEASURE, Phase.HOLD]
    assert bench.pacer.rate == pytest.approx(limit * HOLD_SHARE, rel=0.03, abs=0.7)
    assert bench.pacer.rate < limit


def test_a_refusal_of_an_older_epoch_counts_for_nothing():
    pacer = Pacer(100.0)
    for n in range(50):
        pacer.take(n / 100)
    pacer.refused(0.50, sent_at=0.45)
    bench = Bench(pacer)
    bench.now = 0.5
    bench.until(3.0)
    rate = pacer.rate
    pacer.refused(3.0, sent_at=0.47)
    assert (pacer.phase, pacer.rate) == (Phase.HOLD, rate)


def test_a_burst_of_refusals_is_one_measurement():
    pacer = Pacer(100.0)
    for n in range(20):
        pacer.take(n / 100)
    for n in range(5):
        pacer.refused(0.25, sent_at=0.1 + n / 100)
    assert (pacer.phase, pacer.rate) == (Phase.MEASURE, pytest.approx(100.0 * MEASURE_SHARE))


def test_a_single_refusal_at_low_demand_costs_a_tenth_and_not_the_demand():
    pacer = Pacer(100.0)
    for n in range(60):
        pacer.take(n / 10)
        if n == 10:
            pacer.refused(1.05, sent_at=1.0)
    assert (pacer.phase, pacer.rate) == (Phase.HOLD, pytest.approx(100.0 * MEASURE_SHARE))


def test_refusal_upon_refusal_goes_down_to_the_slowest_rate_and_no_further():
    bench = Bench(Pacer(100.0), limit=0.0)
    bench.until(600.0)
    assert bench.pacer.rate == SLOWEST
    assert len([at for at in bench.sent if at >= 10.0]) <= 590 * SLOWEST + 1


def test_a_slowest_rate_is_never_above_the_cap():
    bench = Bench(Pacer(0.2), limit=0.0)
    bench.until(60.0)
    assert bench.pacer.rate == 0.2


def held(rate: float, cap: float) -> Bench:
    """A pacer that has learned a rate and goes on quietly."""
    bench = Bench(Pacer(cap), rate / HOLD_SHARE)
    bench.until(MEASURE_SECONDS + SETTLE_SECONDS + 0.5)
    assert bench.pacer.phase is Phase.HOLD
    return bench


def test_it_probes_after_ten_quiet_seconds_and_finds_a_limit_that_has_risen():
    bench = held(50.0, 100.0)
    bench.limit = math.inf
    bench.until(bench.now + QUIET_SECONDS - 2)
    assert bench.pacer.phase is Phase.HOLD
    bench.until(bench.now + 3)
    assert bench.pacer.phase is Phase.PROBE
    bench.until(bench.now + 10)
    assert (bench.pacer.phase, bench.pacer.rate) == (Phase.HOLD, 100.0)


def test_a_probe_that_only_spent_a_saved_burst_goes_back_and_waits_longer_each_time():
    pacer = held(50.0, 100.0).pacer
    rate, now = pacer.rate, 100.0
    quiet = QUIET_SECONDS
    for _ in range(6):
        bench = Bench(pacer)
        bench.now = begin = now
        while pacer.phase is not Phase.PROBE:
            bench.until(bench.now + 0.1)
        assert bench.now - begin == pytest.approx(quiet, abs=1.0)
        bench.until(bench.now + 4.0)
        pacer.refused(bench.now, sent_at=bench.sent[-1])
        assert (pacer.phase, pacer.rate) == (Phase.HOLD, rate)
        quiet, now = min(quiet * QUIET_GROWTH, LONGEST_QUIET_SECONDS), bench.now
    assert quiet == LONGEST_QUIET_SECONDS


def test_quiet_counts_only_while_the_rate_is_wanted():
    pacer = held(50.0, 100.0).pacer
    for second in range(100, 700, 2):
        pacer.take(float(second))
    assert pacer.phase is Phase.HOLD


def test_the_provider_may_ask_for_a_rest():
    pacer = Pacer(100.0)
    pacer.take(0.0)
    pacer.refused(0.1, sent_at=0.0, retry_after=7.0)
    assert pacer.due == pytest.approx(7.1)


def test_an_acquitted_pacer_goes_on_as_if_nothing_had_been():
    pacer = Pacer(100.0)
    pacer.take(0.0)
    pacer.refused(0.1, sent_at=0.0)
    pacer.acquit(0.2, 100.0)
    assert (pacer.phase, pacer.rate) == (Phase.HOLD, 100.0)


def test_only_what_was_found_out_is_remembered():
    assert Pacer(100.0).learned is None
    assert Pacer(100.0, start=20.0).learned is None
    started = Bench(Pacer(100.0, start=20.0))
    started.until(30.0)
    assert started.pacer.learned == 100.0
    taught = held(50.0, 100.0)
    assert taught.pacer.learned == taught.pacer.rate
    taught.until(taught.now + QUIET_SECONDS + 1)
    assert taught.pacer.phase is Phase.PROBE
    assert taught.pacer.learned == pytest.approx(50.0, rel=0.05)  # not what it is only trying


def entered(slots: LearnedSlots, count: int, now: float) -> None:
    for _ in range(count):
        slots.enter(now)


def test_a_refusal_for_concurrency_cuts_under_what_was_in_flight_when_its_request_left():
    slots = LearnedSlots(64)
    entered(slots, 40, 1.0)
    entered(slots, 24, 2.0)
    slots.refused(2.05, sent_at=1.0)
    assert slots.room == int(40 * KEEP_SHARE)


def test_the_other_refusals_of_the_same_crowd_cut_no_more():
    slots = LearnedSlots(64)
    entered(slots, 64, 1.0)
    for _ in range(24):
        slots.refused(1.05, sent_at=1.0)
    assert slots.room == int(64 * KEEP_SHARE)


def test_no_refusal_ever_leaves_less_than_one_slot():
    slots = LearnedSlots(3)
    for second in range(100):
        slots.enter(float(second))
        slots.refused(second + 0.5, sent_at=float(second))
        slots.leave()
    assert slots.room == 1


def used(slots: LearnedSlots, begin: float, seconds: float) -> None:
    """Keep every slot in use: ten requests a second leave and come."""
    while slots.in_flight < slots.room:
        slots.enter(begin)
    for tenth in range(int(seconds * 10)):
        slots.leave()
        while slots.in_flight < slots.room:
            slots.enter(begin + tenth / 10)


def test_slots_come_back_one_a_second_after_ten_seconds_of_full_use():
    slots = LearnedSlots(20)
    entered(slots, 20, 0.0)
    slots.refused(0.1, sent_at=0.0)
    while slots.in_flight >= slots.room:
        slots.leave()
    used(slots, 1.0, SLOT_QUIET_SECONDS - 1)
    assert slots.room == 19
    used(slots, 10.0, 3 / GAIN_PER_SECOND)
    assert slots.room == 20


def test_slots_that_nobody_uses_are_not_given_back():
    slots = LearnedSlots(20)
    entered(slots, 20, 0.0)
    slots.refused(0.1, sent_at=0.0)
    while slots.in_flight:
        slots.leave()
    for second in range(100):
        slots.enter(float(second))
        slots.leave()
    assert slots.room == 19
