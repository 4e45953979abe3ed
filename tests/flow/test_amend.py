"""A sheet that is edited while it is being charged: what is wanted is charged once, as last shown, and nothing else."""

import csv
import io
import random
from collections import Counter
from contextlib import suppress

import pytest

from billing.core.entries import Move
from billing.core.errors import InvalidInput, UsageError
from billing.core.exits import Exit
from billing.core.kinds.charge import Event, State
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.stripe.resend import SENDS
from billing.flow.cancelling import cancel, look_through
from billing.flow.carry_out import carry_out_run
from billing.flow.engine.context import ROUNDS
from billing.flow.options import RunOptions, Selection
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Preflight
from billing.flow.report import describe
from billing.flow.request import RunRequest
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from billing.sandbox.scenario import USUAL_MIX
from tests.flow.world import RUN, UNGUARDED, World
from tests.virtual import run_virtually


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A wire that takes the process with it at the nth request, before or after the provider has done it."""

    def __init__(self, wire, left: int, after: bool) -> None:
        self._wire, self._left, self._after = wire, left, after

    async def send(self, request):
        self._left -= 1
        if self._left <= 0 and not self._after:
            raise Killed
        answer = await self._wire.send(request)
        if self._left <= 0:
            raise Killed
        return answer

    async def aclose(self) -> None:
        await self._wire.aclose()


class Services:
    """Somebody who edits the sheet and runs it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows = list(csv.DictReader(io.StringIO(world.file.read_text())))
        self.shown: list[Plan] = []

    def write(self) -> None:
        out = io.StringIO()
        writer = csv.DictWriter(out, self.rows[0].keys())
        writer.writeheader()
        writer.writerows(self.rows)
        self.world.file.write_text(out.getvalue())

    def row(self, reference: str) -> dict[str, str]:
        return next(row for row in self.rows if row["reference"] == reference)

    async def run(self, *, amend=True, wire=None, selection=None, limit=None, preflight=Preflight.NONE):
        self.write()
        options = RunRequest(RunOptions(selection=selection or Selection(), limit=limit), amend, preflight=preflight)
        with open_run(self.world.file, run_id=RUN, defaults=RunDefaults(policies=UNGUARDED)) as source:
            async with self.world.services(wire=wire) as services:
                return await carry_out_run(services, source, options, agree=self.shown.append)

    def paid(self) -> Counter[tuple[str, int, str]]:
        """What was taken or is with the bank: (reference, amount, currency) -> how often, over all generations."""
        found: Counter[tuple[str, int, str]] = Counter()
        for intent in self.world.sandbox.books().intents:
            if intent.paid or intent.pending:
                found[intent.metadata["billing_reference"], intent.amount, intent.currency] += 1
        return found

    def wanted(self) -> set[tuple[str, int, str]]:
        """What the sheet says now, in minor units; every currency here has two decimals."""
        return {(row["reference"], round(float(row["amount"]) * 100), row["currency"].lower()) for row in self.rows}


MIX = {"succeeds": 1.0}
ONE_TRIP = SENDS * ROUNDS
# So many requests of a kind one trip sends before it leaves its item as it is.


@pytest.fixture
def office(tmp_path):
    return Services(World.make(tmp_path, items=6, accounts=2, mix=MIX))


async def test_a_removed_line_is_withdrawn_and_never_charged(office):
    await office.run(limit=2, amend=False)
    before = office.paid()
    gone = next(row for row in office.rows if row["reference"] not in {each[0] for each in before})
    office.rows.remove(gone)
    with pytest.raises(InvalidInput, match="1 problem") as refused:
        await office.run(amend=False)
    assert gone["reference"] in str(refused.value.problems[0])
    assert "--amend" in refused.value.problems[0].hint
    result = await office.run()
    assert result.plan.amendment.counts == {"withdrawn": 1}
    assert set(office.paid()) == office.wanted()
    withdrawn = [item for item in await office.world.item() if item.reference == gone["reference"]]
    assert [(item.state, item.facts["reason_code"]) for item in withdrawn] == [(State.SKIPPED, "withdrawn")]


async def test_a_corrected_line_is_charged_as_corrected_and_once(office):
    await office.run(limit=2, amend=False)
    late = next(row for row in office.rows if row["reference"] not in {each[0] for each in office.paid()})
    late["amount"] = "99.99"
    with pytest.raises(InvalidInput):
        await office.run(amend=False)
    await office.run()
    assert set(office.paid()) == office.wanted()
    assert office.world.sandbox.books().doubles("billing_reference") == []


async def test_before_a_run_has_begun_its_sheet_may_change_without_a_word(office):
    await office.run(selection=Selection(exclude=("INV-*",)), amend=False)
    office.rows[0]["amount"] = "77.00"
    office.rows.pop()
    await office.run(amend=False)
    assert set(office.paid()) == office.wanted()


async def test_a_declined_line_that_another_card_paid_is_neither_a_decline_nor_counted_twice(tmp_path):
    office = Services(World.make(tmp_path, items=12, accounts=1, mix={"succeeds": 0.7, "stolen_card": 0.3}))
    first = await office.run()
    paid = {reference for reference, _, _ in office.paid()}
    good = office.row(min(paid))
    for row in office.rows:
        if row["reference"] not in paid:
            row |= {name: good[name] for name in ("customer", "payment_method")}
    second = await office.run()
    assert (first.exit, second.exit) == (Exit.DECLINES, Exit.OK)
    assert set(office.paid()) == office.wanted()
    assert (second.summary["items"], second.summary["counts"]["declined"]) == (len(office.rows), 0)
    assert {code: sums["planned"] for code, sums in second.summary["totals"].items()} == _by_currency(office.paid())


async def test_what_is_paid_can_neither_be_changed_nor_taken_out(office):
    await office.run(limit=1)
    reference = next(iter(office.paid()))[0]
    row = office.row(reference)
    kept = row["amount"]
    row["amount"], fee, row["application_fee"] = "1.00", row["application_fee"], ""
    with pytest.raises(InvalidInput, match="nothing was sent") as refused:
        await office.run()
    assert "billing reverse" in refused.value.problems[0].hint
    row["amount"], row["application_fee"] = kept, fee
    office.rows.remove(row)
    with pytest.raises(InvalidInput) as refused:
        await office.run()
    assert reference in refused.value.problems[0].message
    assert len(office.paid()) == 1


async def test_a_second_look_at_a_finished_run_sends_nothing_and_says_so(office):
    await office.run()
    again = await office.run(amend=False)
    assert (again.nothing_left, again.summary["requests"]["sent"]) == (True, 0)


async def test_a_filter_that_matches_nothing_is_wrong_usage(office):
    with pytest.raises(UsageError, match="nothing matches --only NOBODY"):
        await office.run(selection=Selection(only=("NOBODY",)))
    assert not office.paid()


@pytest.mark.parametrize("limit", [1, 3])
async def test_the_plan_counts_what_a_limit_lets_move_and_that_is_charged(office, limit):
    result = await office.run(limit=limit)
    left = result.plan.left
    assert left.lines == limit
    assert sum(office.paid().values()) == limit
    assert left.totals == _by_currency(office.paid())
    assert sum(row.lines for row in result.plan.rows.values()) == len(office.rows)


async def test_cancelling_closes_what_is_not_paid_and_nothing_takes_it_up_again(office):
    await office.run(limit=2)
    paid = office.paid()
    async with office.world.services() as services:
        found = look_through(services.ledger, RUN, Selection())
        ending = await cancel(services, RUN, found, "the wrong sheet", UNGUARDED, RunOptions())
        after = look_through(services.ledger, RUN, Selection())
    assert (ending.exit, found.closes, after.closes, after.paid_count) == (Exit.OK, 4, 0, 2)
    again = await office.run()
    assert again.nothing_left
    assert office.paid() == paid


async def test_a_cancelled_line_stays_so_although_what_its_account_refused_is_repaired(office):
    office.write()
    async with office.world.services() as services:
        await office.world.plan(services)
        row = next(services.ledger.standing(RUN))[0]
        refused = {"reason_code": "capability_not_active", "what_to_do": "Complete its onboarding."}
        item = await services.ledger.record(services.ledger.item(row), Move(Event.PREPARE_STARTED, attempt=1))
        item = await services.ledger.record(item, Move(Event.OPEN_REFUSED, facts=refused))
        found = look_through(services.ledger, RUN, Selection(only=(item.reference,)))
        assert found.closes == 1
        await cancel(services, RUN, found, "the customer complained", UNGUARDED, RunOptions())
        told = next(
            describe(line, services.ledger.run(RUN)) for line in services.ledger.report(RUN) if line.item.id == row
        )
    assert [told[name] for name in ("status", "reason_code", "what_to_do")] == ["skipped", "cancelled", "nothing"]
    result = await office.run(amend=False)
    assert item.reference not in {each[0] for each in office.paid()}
    assert (result.exit, len(office.paid())) == (Exit.OK, len(office.rows) - 1)


@pytest.mark.parametrize("seed", range(25))
async def test_no_edit_and_no_kill_charges_what_no_plan_has_shown_or_anything_twice(tmp_path, seed):
    chance = random.Random(seed)
    office = Services(World.make(tmp_path, items=5, accounts=2, mix=MIX if seed % 3 else USUAL_MIX))
    full = [dict(row) for row in office.rows]
    for turn in range(7):
        _edit(office, full, chance, turn)
        before, shown = office.paid(), len(office.shown)
        wire = Dying(InProcess(office.world.sandbox), chance.randint(1, 25), chance.random() < 0.5)
        with suppress(Killed, BaseExceptionGroup, InvalidInput):
            await office.run(wire=wire if turn < 6 else None, limit=chance.choice([None, 1, 2]))
        fresh = office.paid() - before
        if fresh:
            plan = office.shown[-1]
            assert len(office.shown) > shown
            assert set(fresh) <= office.wanted(), "charged otherwise than the sheet says"
            for currency, minor in _by_currency(fresh).items():
                assert minor <= plan.left.totals[currency], "charged more than the plan counted"
        assert office.world.sandbox.books().doubles("billing_reference") == []
        assert max(Counter(reference for reference, _, _ in office.paid().elements()).values(), default=0) <= 1
    await office.world.assert_true()


def _edit(office: Services, full: list[dict[str, str]], chance: random.Random, turn: int) -> None:
    """Take out, correct, bring back or add lines; what is paid stays as it was paid."""
    paid = {reference for reference, _, _ in office.paid()}
    for row in list(office.rows):
        if row["reference"] in paid or chance.random() < 0.6:
            continue
        if chance.random() < 0.4 and len(office.rows) > 1:
            office.rows.remove(row)
        else:
            row |= {"amount": f"{chance.randint(10, 90)}.00", "application_fee": ""}
    here = {row["reference"] for row in office.rows}
    office.rows += [dict(row) for row in full if row["reference"] not in here and chance.random() < 0.4]
    if chance.random() < 0.3:
        office.rows.append(dict(full[0], reference=f"NEW-{turn}", amount="12.00", application_fee=""))


def _by_currency(paid: Counter[tuple[str, int, str]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for (_, minor, currency), times in paid.items():
        sums[currency] += minor * times
    return sums


class DyingAtConfirm(Dying):
    """A wire that takes the process with it when the first confirm has been carried out."""

    async def send(self, request):
        answer = await self._wire.send(request)
        if request.url.endswith("/confirm"):
            raise Killed
        return answer


async def test_a_line_taken_out_that_turns_out_paid_is_named_and_nothing_else_is_charged(office):
    with suppress(Killed, BaseExceptionGroup):
        await office.run(limit=1, wire=DyingAtConfirm(InProcess(office.world.sandbox), 0, after=True))
    paid = office.paid()
    (reference, _, _) = next(iter(paid))
    office.rows.remove(office.row(reference))
    with pytest.raises(InvalidInput, match="nothing was charged") as refused:
        await office.run()
    assert reference in refused.value.problems[0].message
    assert "billing reverse" in refused.value.problems[0].hint
    assert office.paid() == paid


async def test_an_amendment_that_was_refused_half_way_still_shows_the_sheet_on_record(office):
    with suppress(Killed, BaseExceptionGroup):
        await office.run(limit=1, wire=DyingAtConfirm(InProcess(office.world.sandbox), 0, after=True))
    kept = Counter(office.shown[-1].sheet.totals)
    ((reference, _, _),) = office.paid()
    taken_out = office.row(reference)
    office.rows.remove(taken_out)
    office.rows[-1] |= {"amount": "99.99", "application_fee": ""}
    with pytest.raises(InvalidInput, match="nothing was charged"):
        await office.run()
    office.rows.insert(0, taken_out)
    await office.run()
    assert office.shown[-1].amendment.counts == {"changed": 1}
    assert office.shown[-1].amendment.before == kept
    assert office.paid() == Counter(office.wanted())


@pytest.mark.parametrize("operation", ["payment_intents.cancel", "payment_intents.retrieve"])
def test_closing_goes_once_more_through_what_lost_answers_left_open(tmp_path, operation):
    world = World.make(tmp_path, items=2, accounts=1, mix={"insufficient_funds": 1.0})
    run_virtually(world.charge_all)
    if operation == "payment_intents.retrieve":
        world.script(FaultKind.LOST_AFTER, "payment_intents.cancel", times=ONE_TRIP)
    world.script(FaultKind.LOST_BEFORE, operation, times=ONE_TRIP)

    async def cancelled():
        async with world.services() as services:
            found = look_through(services.ledger, RUN, Selection())
            ending = await cancel(services, RUN, found, "the wrong sheet", UNGUARDED, RunOptions(concurrency=1))
            return ending, look_through(services.ledger, RUN, Selection())

    ending, after = run_virtually(cancelled)
    assert (ending.exit, after.rows) == (Exit.OK, [])
    assert {(item.state, item.facts["reason_code"]) for item in run_virtually(world.item)} == {
        (State.FAILED, "cancelled")
    }
    run_virtually(world.assert_true)
