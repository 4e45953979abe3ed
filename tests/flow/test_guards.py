"""What stops a run by itself, and what does not."""

from dataclasses import replace

from billing.core.entries import ItemRecord
from billing.core.items import Kind
from billing.core.kinds.charge import State
from billing.core.policies import StopOn
from billing.flow.engine.guards import Guards

PAID = ItemRecord(
    id=1, item_id="", run_id="r", kind=Kind.CHARGE, reference="", generation=0, account="", payer="", amount=1,
    currency="usd", digest="", content={}, state=State.SUCCEEDED,
)  # fmt: skip
DECLINED = replace(PAID, state=State.UNPAID, facts={"declines": 1, "reason_code": "insufficient_funds"})
REFUSED = replace(PAID, state=State.FAILED, facts={"reason_code": "resource_missing"})


def fed(guards: Guards, items: list[ItemRecord]) -> list[str]:
    return [guards.verdict(item) for item in items]


def test_a_wave_of_declines_stops_within_sixty_items():
    mixed = [DECLINED if n % 10 < 6 else PAID for n in range(200)]
    verdicts = fed(Guards(StopOn()), mixed)
    stopped = next(n for n, reason in enumerate(verdicts, 1) if reason)
    assert 50 <= stopped <= 60
    assert "of the last 50 charges declined" in verdicts[stopped - 1]


def test_half_declining_is_the_last_share_that_goes_on():
    assert not any(fed(Guards(StopOn()), [DECLINED, PAID] * 200))


def test_a_share_of_one_switches_the_guard_off():
    assert not any(fed(Guards(StopOn(decline_rate=1.0)), [DECLINED] * 500))


def test_an_early_wave_cannot_stop_a_run_before_the_window_is_full():
    assert not any(fed(Guards(StopOn()), [DECLINED] * 49))


def test_the_same_refusal_over_and_over_is_our_own_mistake():
    verdicts = fed(Guards(StopOn()), [REFUSED] * 25)
    assert verdicts[-1] == "25 items in a row were refused with resource_missing (stop_on.same_error)"
    assert not any(verdicts[:-1])


def test_one_payment_between_refusals_starts_the_count_again():
    assert not any(fed(Guards(StopOn()), ([REFUSED] * 24 + [PAID]) * 4))


def test_max_failures_is_the_number_that_is_still_accepted():
    guards = Guards(StopOn(), max_failures=2)
    assert fed(guards, [DECLINED, PAID, REFUSED])[-1] == ""
    assert "--max-failures 2" in guards.verdict(REFUSED)


def test_items_that_were_skipped_or_are_unknown_say_nothing():
    others = [replace(PAID, state=state) for state in (State.SKIPPED, State.UNKNOWN, State.PARKED)]
    assert not any(fed(Guards(StopOn(after_items=1), max_failures=0), others))
