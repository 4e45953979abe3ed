"""A run that differs from the one before it, under a policy: nothing is sent until a person has accepted what was seen.

A world of six lines is charged for a month; the next month's sheet is another one.
"""

import json
from dataclasses import replace

import pytest

from billing.core.errors import InvalidInput, PlanStale, UsageError
from billing.core.policies import Attitude, Compare
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.carry_out import carry_out_run
from billing.flow.options import RunOptions
from billing.flow.planning.accepting import acks_asked, waiting
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Preflight
from billing.flow.planning.saved import load_plan, plan_to_json
from billing.flow.request import RunRequest
from billing.flow.telling import tell_plan
from billing.sandbox.scenario import Row, as_csv
from tests.flow.world import FAST, World
from tests.virtual import run_virtually

OCTOBER, NOVEMBER = "club-2026-10", "club-2026-11"
ACK, REFUSE, OFF = Attitude.ACK, Attitude.REFUSE, Attitude.OFF
WHY = {"gone": "two clubs closed"}


class Months:
    """Runs of one name, month after month, and whoever starts them."""

    def __init__(self, world: World) -> None:
        self.world, self.rows = world, list(world.scenario.rows)
        self.run(OCTOBER, self.rows)

    def policy(self, **compare) -> None:
        self.world.policies = replace(self.world.policies, compare=Compare(**compare))

    def run(self, run_id: str, rows: list[Row], **asked) -> None:
        """Run a sheet; ``asked`` is the request's own."""
        self.world.file.write_text(as_csv(rows))

        async def main() -> None:
            request = RunRequest(preflight=Preflight.NONE, **asked)
            async with self.world.services() as services:
                services.operator = {"by": "ann@desk"}
                with self._open(run_id) as source:
                    await carry_out_run(services, source, request, agree=lambda _: None)

        run_virtually(main)

    def plan(self, run_id: str, rows: list[Row], *, kept: bool = False, **options) -> Plan:
        """Look ahead; ``kept`` puts the plan on record, as a run does that is killed before it sends anything."""
        self.world.file.write_text(as_csv(rows))

        async def main() -> Plan:
            async with self.world.services() as services:
                services.operator = {"by": "ann@desk"}
                with self._open(run_id) as source:
                    plan = await make_plan(services, source, PlanOptions(Preflight.NONE, **options))
                    if kept:
                        await keep(plan, source, services.ledger)
                    return plan

        return run_virtually(main)

    def _open(self, run_id: str):
        return open_run(self.world.file, run_id=run_id, defaults=RunDefaults(policies=self.world.policies))

    def entries(self) -> list[tuple[str, dict]]:
        """What the ledger says of acks."""

        async def main():
            async with self.world.read() as ledger:
                assert ledger.verify().faults == ()
                return [(each.run_id, dict(each.facts)) for each in ledger.entries() if each.name == "acknowledged"]

        return run_virtually(main)

    def charged(self) -> int:
        return sum(row.paid for row in self.world.sandbox.books().intents)


@pytest.fixture
def months(tmp_path) -> Months:
    return Months(World.make(tmp_path, items=6, accounts=2, mix={"succeeds": 1}))


def refusal(months: Months, rows: list[Row], error: type[Exception] = InvalidInput, **asked) -> list[str]:
    """Run November, which is refused and charges nobody; return the problems."""
    before = months.charged()
    with pytest.raises(error) as found:
        months.run(NOVEMBER, rows, **asked)
    assert months.charged() == before
    return [each.code for each in found.value.problems] if error is InvalidInput else [str(found.value)]


def test_nothing_is_sent_until_somebody_has_accepted_what_policy_asks_for_and_that_is_on_record(months):
    months.policy(gone=ACK)
    assert refusal(months, months.rows[:4]) == ["ack_needed"]
    months.run(NOVEMBER, months.rows[:4], acks=WHY)
    assert months.charged() == 10
    [(run, facts)] = months.entries()
    assert (run, facts["variance"], facts["count"], facts["of"]) == (NOVEMBER, "gone", 2, 6)
    assert (facts["by"], facts["reason"]) == ("ann@desk", "two clubs closed")
    assert facts["says"] == "2 of 6 lines of club-2026-10 are not in this sheet"


def test_a_log_tells_how_the_run_differs_and_what_was_accepted(months):
    months.policy(gone=ACK)
    plan = months.plan(NOVEMBER, months.rows[:4], acks=WHY)
    events: list[dict] = []
    tell_plan(lambda _, **facts: events.append(facts), plan)
    assert events[0]["variances"].keys() == {each.name for each in plan.variances}
    assert events[0]["variances"]["gone"] == "2 of 6 lines of club-2026-10 are not in this sheet"
    assert events[0]["accepted"] == ["gone"]


def test_all_that_must_be_accepted_is_told_at_once(months):
    months.policy(gone=ACK, lines=ACK, total=REFUSE)
    assert refusal(months, months.rows[:3]) == ["refused_by_policy", "ack_needed", "ack_needed"]
    assert refusal(months, months.rows[:3], acks=WHY) == ["refused_by_policy", "ack_needed"]
    months.policy(gone=ACK, lines=ACK)
    assert refusal(months, months.rows[:3], acks=WHY) == ["ack_needed"]
    [said] = refusal(months, months.rows[:3], UsageError, acks={**WHY, "new": "spring"})
    assert "no --ack new: it asks for gone, lines;" in said
    [said] = refusal(months, months.rows, UsageError, acks=WHY)
    assert "no --ack gone: it asks for none" in said


def test_what_policy_refuses_nobody_can_accept(months):
    months.policy(gone=REFUSE)
    assert refusal(months, months.rows[:4]) == ["refused_by_policy"]
    assert "asks for no --ack gone" in refusal(months, months.rows[:4], UsageError, acks=WHY)[0]


def test_an_ack_holds_for_what_was_seen_and_for_nothing_else(months):
    months.policy(gone=ACK)
    months.plan(NOVEMBER, months.rows[:4], kept=True, acks=WHY)
    assert refusal(months, months.rows[:3]) == ["ack_needed"], "a third is gone"
    other = [*months.rows[:3], months.rows[5]]
    assert refusal(months, other) == ["ack_needed"], "as many are gone, and others"
    reordered = months.rows[3::-1]
    assert waiting(months.plan(NOVEMBER, reordered)) == [], "the same lines in another order"
    months.run(NOVEMBER, months.rows[:4])
    assert len(months.entries()) == 1
    months.run(NOVEMBER, months.rows[:4], acks=WHY)
    assert len(months.entries()) == 1, "the same command again adds nothing"


def test_a_run_that_has_begun_goes_on_without_being_asked_again(months):
    months.policy(gone=ACK)
    months.run(NOVEMBER, months.rows[:4], acks=WHY, run=RunOptions(limit=1))
    assert months.charged() == 7
    months.policy(lines=REFUSE)
    months.run(NOVEMBER, months.rows[:4], run=RunOptions(limit=1))
    months.run(NOVEMBER, months.rows[:4], acks=WHY)
    assert (months.charged(), len(months.entries())) == (10, 1)


def test_what_is_accepted_of_a_plan_on_record_is_put_on_record_too(months):
    months.plan(NOVEMBER, months.rows[:4], kept=True)
    months.policy(gone=ACK)
    assert refusal(months, months.rows[:4]) == ["ack_needed"]
    months.run(NOVEMBER, months.rows[:4], acks=WHY)
    assert (months.charged(), len(months.entries())) == (10, 1)


def test_what_is_accepted_of_an_amendment_that_closes_lines_first_is_on_record(months):
    months.policy(gone=ACK)
    months.run(NOVEMBER, months.rows, run=RunOptions(limit=1))
    corrected = replace(months.rows[3], amount_minor=months.rows[3].amount_minor + 100)
    assert refusal(months, [*months.rows[:3], corrected], amend=True) == ["ack_needed"]
    months.run(NOVEMBER, [*months.rows[:3], corrected], amend=True, acks=WHY)
    assert (months.charged(), [facts["count"] for _, facts in months.entries()]) == (10, [2])


def test_an_amendment_is_asked_about_as_its_sheet_stands_now(months):
    months.policy(gone=ACK)
    months.run(NOVEMBER, months.rows[:4], acks=WHY)
    dearer = [*months.rows[:4], replace(months.rows[0], reference="MORE", amount_minor=12_345)]
    months.run(NOVEMBER, dearer, amend=True)
    assert (months.charged(), len(months.entries())) == (11, 1), "the same lines are gone: that was accepted"
    back = [*dearer, months.rows[4]]
    assert refusal(months, back, amend=True) == ["ack_needed"]
    months.run(NOVEMBER, back, amend=True, acks={"gone": "one came back"})
    assert [facts["count"] for _, facts in months.entries()] == [2, 1]


def test_a_saved_plan_carries_what_was_accepted_and_holds_exactly_that(months, tmp_path):
    months.policy(gone=ACK)
    path = tmp_path / "plan.json"
    lacking, accepted = (months.plan(NOVEMBER, months.rows[:4], acks=acks) for acks in ({}, WHY))
    saved = {}
    for name, plan in (("lacking", lacking), ("accepted", accepted)):
        path.write_text(as_json(plan))
        saved[name] = load_plan(path)
    assert refusal(months, months.rows[:4], saved=saved["lacking"]) == ["ack_needed"]
    october = [*months.rows, replace(months.rows[0], reference="LATE", customer=months.rows[1].customer)]
    months.run(OCTOBER, october, amend=True)
    [said] = refusal(months, months.rows[:4], PlanStale, saved=saved["accepted"])
    assert "of gone is not so any more" in said
    again = months.plan(NOVEMBER, months.rows[:4], acks=WHY)
    path.write_text(as_json(again))
    months.run(NOVEMBER, months.rows[:4], saved=load_plan(path))
    [(_, facts)] = months.entries()
    assert (facts["count"], facts["reason"], facts["by"]) == (3, "two clubs closed", "ann@desk")


def as_json(plan: Plan) -> str:
    return json.dumps(plan_to_json(plan, FAST, preflight=Preflight.NONE))


@pytest.mark.parametrize(("names", "reasons", "found"), [
    (["gone"], ["closed"], {"gone": "closed"}),
    (["gone", "new"], ["spring"], {"gone": "spring", "new": "spring"}),
    (["gone", "new"], ["closed", "opened"], {"gone": "closed", "new": "opened"}),
    ([], [], {}),
    (["gonee"], ["closed"], "there are gone, new, changed, first_on_account, total, lines"),
    (["gone", "gone"], ["closed"], "twice"),
    (["gone"], [], "go together"),
    ([], ["closed"], "go together"),
    (["gone"], ["a", "b"], "go together"),
    (["gone"], [" "], "1 to 200 characters"),
    (["gone"], ["ask ann@example.com"], "an e-mail address"),
    (["gone"], ["4242 4242 4242 4242"], "a card number"),
])  # fmt: skip
def test_every_ack_has_a_reason_that_names_nobody(names, reasons, found):
    if isinstance(found, dict):
        assert acks_asked(names, reasons) == found
    else:
        with pytest.raises(UsageError, match=found):
            acks_asked(names, reasons)
