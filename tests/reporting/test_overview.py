"""An overview is what the ledger counts, for every kind of run, whatever became of its lines."""

import asyncio
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.core.entries import ItemRecord, Move, Note
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.kinds.charge import Event
from billing.core.life import Group
from billing.core.records import ReportLine, RunStatus, SheetTally
from billing.flow.outturn import outturn_of, row_of
from billing.flow.report import Wanted, known_run
from billing.flow.reporting.arrivals import MOST_DAYS, _Days
from billing.flow.reporting.lines import _row, line_of
from billing.flow.reporting.overview import SHOWN, Need, gathering_of, lines_of, overview_of
from billing.flow.reporting.recovered import Now
from tests.flow.cancel_world import CancelWorld
from tests.flow.payer_world import PayerWorld
from tests.flow.refund_world import RefundWorld
from tests.flow.subscribe_world import SubscribeWorld
from tests.flow.sync_world import SyncWorld
from tests.flow.world import World
from tests.reporting.laws import hold, of
from tests.reporting.ledgers import EARLIER, RUN, Made, made
from tests.reporting.stories import STORIES


async def of_charges(folder: Path) -> World:
    world = World.make(
        folder, items=24, accounts=3, mix={"succeeds": 0.5, "insufficient_funds": 0.2, "debit_succeeds": 0.3}
    )
    await world.charge_all()
    return world


async def of_payers(folder: Path) -> World:
    bench = PayerWorld.make(folder, 3)
    await bench.run()
    await bench.click(0)
    await bench.completes(0)
    await bench.settle()
    return bench.world


async def of_refunds(folder: Path) -> World:
    bench = RefundWorld.make(folder, ("pm_card_visa", "pm_card_refundFail"), accounts=2)
    await bench.refund_all()
    return bench.world


async def of_subscriptions(folder: Path) -> World:
    bench = SubscribeWorld.make(folder, ("pm_card_visa", "pm_card_chargeCustomerFail"), accounts=2)
    await bench.subscribe_all()
    return bench.world


async def of_a_sync(folder: Path) -> World:
    bench = SyncWorld.make(folder, ("pm_card_visa",), accounts=2)
    bench.new_card(bench.links[0].payer)
    await bench.sync()
    return bench.world


async def of_cancellations(folder: Path) -> World:
    bench = CancelWorld.make(folder, ("pm_card_visa", "pm_card_mastercard"), accounts=2)
    await bench.cancel_all()
    return bench.world


RUNS: dict[Kind, Any] = {
    Kind.CHARGE: of_charges,
    Kind.PAYER: of_payers,
    Kind.REFUND: of_refunds,
    Kind.SUBSCRIPTION: of_subscriptions,
    Kind.SYNC: of_a_sync,
    Kind.CANCELLATION: of_cancellations,
}


@pytest.mark.parametrize("kind", Kind)
async def test_an_overview_is_what_the_ledger_counts_for_every_kind_of_run(tmp_path: Path, kind: Kind):
    world = await RUNS[kind](tmp_path)
    async with world.read() as ledger:
        run_id = ledger.runs()[0].run_id
        overview = hold(ledger, run_id)
        assert overview.record.kind is kind
        assert overview.sheet.lines
        assert overview.speed is not None or kind is Kind.SYNC


@settings(deadline=None, max_examples=15)
@given(
    stories=st.lists(st.sampled_from(sorted(STORIES)), min_size=1, max_size=14),
    accounts=st.integers(1, 4),
    attacks=st.booleans(),
    data=st.data(),
)
def test_whatever_became_of_its_lines_and_whichever_are_gone(stories, accounts, attacks, data):
    dropped = data.draw(st.sets(st.integers(0, len(stories) - 1)))
    with tempfile.TemporaryDirectory() as folder:
        asked = {"hostile": attacks, "stories": stories, "dropped": dropped, "reconciled": False}
        done = made(Path(folder) / "made", len(stories), accounts, **asked)
        with done.read() as ledger:
            hold(ledger, done.run_id)
            assert sum(each.lines for each in overview_of(ledger, done.run_id).gone.values()) == sum(
                stories[n] not in ("invalid", "already_paid", "held_by_another_run") for n in dropped
            )


@pytest.fixture(scope="module")
def ledger_of_all(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("model") / "made", 210, stories=[*STORIES] * 10)


def test_each_story_is_told_as_often_as_it_happened(ledger_of_all: Made):
    with ledger_of_all.read() as ledger:
        overview = hold(ledger, ledger_of_all.run_id)
        assert {number: each.lines for number, each in overview.recovered.by_try.items()} == {2: 10, 3: 10, 4: 10}
        declined = {now: each.lines for now, each in overview.recovered.now.items()}
        # A debit that came back waits for its next try like one that was declined for now.
        assert declined == {Now.PAID: 30, Now.WAITS: 20, Now.CUSTOMER: 20, Now.LOST: 10}
        arrivals = overview.arrivals
        assert [arrivals.debits.lines, arrivals.arrived.lines, arrivals.waiting.lines] == [40, 10, 10]
        assert [arrivals.came_back.lines, arrivals.taken_back.lines] == [20, 10]
        assert overview.speed.lost == 30
        assert overview.proof.compared.discrepancies
        assert [each.by for each in overview.proof.invocations] == ["billing@finance-1"]


def test_a_line_that_another_run_has_paid_is_none_of_this_one(ledger_of_all: Made):
    with ledger_of_all.read() as ledger:
        overview = overview_of(ledger, ledger_of_all.run_id)
        theirs = [line for line in lines_of(ledger, ledger_of_all.run_id) if not line.owned and line.account]
        assert {line.told["reason_code"] for line in theirs} == {"already_paid", "in_other_run"}
        assert overview.of("nothing_owed").lines == 10
        assert all(line.declines == 0 for line in theirs)
        assert overview_of(ledger, EARLIER).of("paid").lines == 10


def test_up_to_a_month_is_told_by_days_without_a_gap(ledger_of_all: Made):
    with ledger_of_all.read() as ledger:
        arrivals = overview_of(ledger, ledger_of_all.run_id).arrivals
        assert all(day.first == day.last for day in arrivals.days)
        left, last = arrivals.days[0].first, arrivals.days[-1].last
        assert len(arrivals.days) == (last - left).days + 1 <= MOST_DAYS


@given(at=st.lists(st.tuples(st.integers(0, 200), st.sampled_from(("left", "arrived", "came_back"))), min_size=1))
def test_more_than_a_month_is_told_by_weeks_from_monday_on_and_nothing_is_lost(at):
    days = _Days(ZoneInfo("Europe/Berlin"))
    for hours, what in at:
        moment = datetime(2026, 10, 20, 22, 30, tzinfo=UTC) + timedelta(hours=12 * hours)
        getattr(days.on(moment.isoformat()), what).add(100, "usd")
    spans = days.all()
    for what in ("left", "arrived", "came_back"):
        assert sum(getattr(span, what).lines for span in spans) == sum(each == what for _, each in at)
    range_of = (max(hours for hours, _ in at) - min(hours for hours, _ in at)) / 2
    if range_of > MOST_DAYS:
        assert {span.first.weekday() for span in spans} == {0}
        assert {(span.last - span.first).days for span in spans} == {6}
    assert all((later.first - span.last).days == 1 for span, later in pairwise(spans))


def test_a_head_of_a_ledger_stands_for_what_was_checked(ledger_of_all: Made):
    with ledger_of_all.read() as ledger:
        unchecked = overview_of(ledger, ledger_of_all.run_id).proof
        assert unchecked.verified is None
        assert "not checked" in unchecked.chain
        assert unchecked.head == ledger.head
        checked = gathering_of(ledger, ledger_of_all.run_id, verify=True).overview.proof
        assert checked.verified.faults == ()
        assert f"{checked.verified.entries:,} entries" in checked.chain
        assert checked.entries == sum(1 for _ in ledger.entries(ledger_of_all.run_id))


async def test_whoever_reads_at_one_moment_sees_nothing_that_is_written_meanwhile(tmp_path: Path):
    done = made(tmp_path / "made", 60, reconciled=False)
    writer = await done.open(write=True)
    reader = await done.open()
    try:
        with reader.at_one_moment():
            before = hold(reader, done.run_id)
            lines = lines_of(reader, done.run_id)
            first = next(lines)
            record = known_run(writer, done.run_id)
            await writer.note_run(done.run_id, Note.RUN_STARTED, RunStatus.RUNNING)
            await asyncio.gather(
                *(
                    writer.record(line.item, *_paid(line.item))
                    for line in list(writer.report(done.run_id))
                    if line.item is not None and str(line.item.state) == "unsettled"
                )
            )
            again = hold(reader, done.run_id)
            assert of(again.of("paid")) == of(before.of("paid"))
            assert again.record.status is record.status is RunStatus.FINISHED
            assert again.proof.head == before.proof.head
            assert [first.number, *(line.number for line in lines)] == list(range(2, 62))
        after = hold(reader, done.run_id)
        assert after.record.status is RunStatus.RUNNING
        assert after.of("paid").lines == before.of("paid").lines + before.of("on_its_way").lines
        assert after.proof.head != before.proof.head
    finally:
        await reader.aclose()
        await writer.aclose()


def _paid(item: ItemRecord) -> tuple[Move]:
    return (Move(Event.CHARGE_SUCCEEDED, object_id=item.object_id, facts={"amount_charged": item.amount}),)


@pytest.mark.parametrize("kind", Kind)
def test_a_line_stands_in_the_row_in_which_it_is_counted_whatever_other_kinds_call_theirs(kind: Kind):
    for noted in ["", *Group]:
        for state in LIVES[kind].states:
            assert _row(state, str(noted), "x") == row_of(SheetTally("", state, str(noted), "x", "", 1, 0))


def test_a_group_stays_small_however_many_lines_and_sentences_it_has(ledger_of_all: Made):
    with ledger_of_all.read() as ledger:
        some = next(line for line in lines_of(ledger, ledger_of_all.run_id) if line.needs)
    need = Need(some.told["what_to_do"], some.row)
    for number in range(3 * SHOWN):
        need.add(replace(some, told={**some.told, "reason": f"because of {number}"}))
    assert need.sum.lines == sum(need.reasons.values()) == 3 * SHOWN
    assert (len(need.shown), len(need.reasons)) == (SHOWN, SHOWN + 1)


def test_the_outturn_of_a_part_is_nobody_elses(ledger_of_all: Made):
    with ledger_of_all.read() as ledger:
        whole = outturn_of(ledger, known_run(ledger, ledger_of_all.run_id))
        part = overview_of(ledger, ledger_of_all.run_id, Wanted(references=frozenset({"INV-00000?"})))
        assert 0 < part.sheet.lines <= 10 < whole.total.lines


def test_what_is_told_of_a_line_that_was_set_aside_is_its_reference_and_quotes_no_cell(tmp_path):
    with made(tmp_path, 40).read() as ledger:
        record = ledger.run(RUN)
        detail, columns = "amount 'ada@example.com' is no number", ("email", " Reference ")
        aside = ReportLine(7, ("ada@example.com", "INV-9"), None, False, "invalid", detail, columns=columns)
        line = line_of(aside, record)
        assert line.reference == "INV-9"
        assert "ada" not in line.says
        assert line.says
        assert line_of(replace(aside, cells=("ada@example.com",)), record).reference == ""


def test_a_line_that_was_set_aside_is_found_by_what_its_sheet_says(tmp_path):
    with made(tmp_path, 400).read() as ledger:
        aside = [line for line in ledger.report(RUN) if line.item is None]
        assert aside
        for line in aside:
            for name in ("reference", "account", "customer"):
                wanted = Wanted(**{f"{name}s": frozenset({line.written(name)})})
                assert line.written(name)
                assert line.line in {each.number for each in lines_of(ledger, RUN, wanted)}
        accounts = {line.written("account") if line.item is None else line.item.account for line in ledger.report(RUN)}
        each = [len(list(lines_of(ledger, RUN, Wanted(accounts=frozenset({account}))))) for account in accounts]
        assert sum(each) == len(list(lines_of(ledger, RUN)))
