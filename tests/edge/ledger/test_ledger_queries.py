"""The questions flows ask, answered from a real file and from a real server."""

import asyncio
from collections import Counter

import pytest
from ledger_tools import PERIOD, PLATFORM, RUN, a_run, an_item, brought, lines, move_for, opened, planned

from billing.core.entries import Move, Note
from billing.core.items import Kind, Mode
from billing.core.kinds.charge import Event, State
from billing.core.records import PlannedLine, RunStatus, Tally

IN_EACH_DATABASE = True


async def test_a_tally_counts_items_by_state_group_reason_and_currency_and_foreign_lines_by_reason(ledger):
    kept = [
        *lines(0, 1, 2),
        PlannedLine(9, ("x",), an_item(3, skip="account_dead", facts={"group": "failed"}, currency="jpy")),
        PlannedLine(10, ("bad",), reason="invalid", detail="amount has 3 decimals"),
    ]
    await ledger.plan_run(a_run(), kept)
    await ledger.plan_run(a_run("other"), [PlannedLine(2, ("y",), item=1, reason="in_other_run"), *lines(7)])
    item = await brought(ledger, ledger.item(1), State.CONFIRMING)
    await ledger.record(item, Move(Event.CHARGE_DECLINED, facts={"group": "declined", "reason_code": "do_not_honor"}))
    assert ledger.tally(RUN) == [
        Tally(State.PLANNED, "", "", "usd", 2, 2003),
        Tally(State.SKIPPED, "failed", "account_dead", "jpy", 1, 1003),
        Tally(State.UNPAID, "declined", "do_not_honor", "usd", 1, 1000),
        Tally(State.SKIPPED, "", "invalid", "", 1, 0, owned=False),
    ]
    assert ledger.tally("other") == [
        Tally(State.PLANNED, "", "", "usd", 1, 1007),
        Tally(State.SKIPPED, "", "in_other_run", "", 1, 0, owned=False),
    ]
    assert ledger.tally("nowhere") == []


async def test_a_report_gives_every_line_once_in_input_order_then_what_an_amendment_dropped(ledger):
    await ledger.plan_run(a_run(), lines(5, 3, 4))
    amended = [
        PlannedLine(2, ("INV-0004",), item=3),
        *lines(9),
        PlannedLine(4, ("bad",), reason="invalid", detail="no"),
    ]
    await ledger.plan_run(a_run(revision=2), amended)
    found = [(line.line, line.cells[0], line.item.reference if line.item else "", line.owned, line.reason) for line in
             ledger.report(RUN)]  # fmt: skip
    assert found == [
        (2, "INV-0004", "INV-0004", True, ""),
        (11, "INV-0009", "INV-0009", True, ""),
        (4, "bad", "", False, "invalid"),
        (7, "INV-0005", "INV-0005", True, ""),
        (5, "INV-0003", "INV-0003", True, ""),
    ]
    assert list(ledger.report("nowhere")) == []


async def test_a_report_sees_one_moment_of_the_ledger(ledger):
    (item,) = await planned(ledger)
    report = ledger.report(RUN)
    first = next(report)
    await ledger.record(item, Move(Event.ITEM_SKIPPED))
    assert first.item == item
    assert next(ledger.report(RUN)).item.state is State.SKIPPED
    report.close()


async def test_work_comes_in_order_after_a_row_up_to_a_limit_for_one_account(ledger):
    items = await planned(ledger, 12)
    await ledger.record(items[3], Move(Event.ITEM_SKIPPED))
    await ledger.record(items[6], move_for(items[6], Event.PREPARE_STARTED))
    wanted = [State.PLANNED, State.PREPARING]
    assert [item.id for item in ledger.work(RUN, wanted, "acct_0", 0, 2)] == [1, 7]
    assert [item.id for item in ledger.work(None, wanted, "acct_0", 7, 9)] == [10]
    assert ledger.workload(RUN, wanted) == {"acct_0": 3, "acct_1": 4, "acct_2": 4}
    assert ledger.workload(None, [State.SKIPPED]) == {"acct_0": 1}
    assert (ledger.workload("nowhere", wanted), ledger.work("nowhere", wanted, "acct_0", 0, 9)) == ({}, [])


async def test_obligations_are_the_newest_generation_in_one_platform_mode_and_period(ledger):
    first, _ = await planned(ledger, 2)
    await brought(ledger, first, State.FAILED)
    await ledger.plan_run(a_run("again"), lines(0, generation=1))
    await ledger.plan_run(a_run("december", period="2026-12"), lines(0, period="2026-12"))
    found = ledger.obligations(PLATFORM, Mode.TEST, PERIOD, ["INV-0000", "INV-0001", "INV-0099"], Kind.CHARGE)
    assert {name: (item.id, item.generation) for name, item in found.items()} == {
        "INV-0000": (3, 1),
        "INV-0001": (2, 0),
    }
    assert ledger.obligations(PLATFORM, Mode.LIVE, PERIOD, ["INV-0000"], Kind.CHARGE) == {}
    assert (
        ledger.obligations(PLATFORM, Mode.TEST, "2026-12", ["INV-0000"], Kind.CHARGE)["INV-0000"].run_id == "december"
    )


async def test_what_a_run_holds_is_the_newest_generation_of_each_reference(ledger):
    first, second = await planned(ledger, 2)
    await brought(ledger, first, State.FAILED)
    await ledger.plan_run(a_run("again"), lines(0, generation=1))
    [held] = ledger.held(RUN)
    assert (held.reference, held.payer, held.account) == (second.reference, second.payer, second.account)
    assert (held.amount, held.currency, held.state, held.group) == (second.amount, "usd", State.PLANNED, "")
    assert [one.reference for one in ledger.held("again")] == [first.reference]
    assert list(ledger.held(RUN, [State.UNPAID])) == list(ledger.held("nowhere")) == []
    assert [one.reference for one in ledger.held("again", [State.PLANNED, State.UNPAID])] == [first.reference]


async def test_too_many_names_at_once_are_refused(ledger):
    with pytest.raises(ValueError, match="at most 500"):
        ledger.obligations(PLATFORM, Mode.TEST, PERIOD, ["x"] * 501, Kind.CHARGE)
    await planned(ledger)
    with pytest.raises(ValueError, match="at most 500"):
        ledger.obligations(PLATFORM, Mode.TEST, PERIOD, ["x"] * 501, Kind.CHARGE)


async def test_an_account_counts_as_begun_by_the_states_that_are_asked_for(ledger):
    items = await planned(ledger, 3)
    await brought(ledger, items[0], State.SUCCEEDED)
    await brought(ledger, items[1], State.CONFIRMING)
    assert ledger.accounts_begun(["acct_0", "acct_1", "acct_9"], {State.SUCCEEDED}) == {"acct_0"}


async def test_look_ups_are_found_while_they_are_young_enough(ledger):
    await ledger.keep_lookups("account", {"acct_0": {"ok": True}})
    await planned(ledger)
    await ledger.keep_lookups("account", {"acct_1": {"ok": False}})
    between = ledger.run(RUN).planned_at
    assert ledger.lookups("account", ["acct_0", "acct_1"], between) == {"acct_1": {"ok": False}}
    await ledger.keep_lookups("account", {"acct_0": {"ok": False}})
    assert ledger.lookups("account", ["acct_0", "acct_1"], between) == {
        "acct_0": {"ok": False},
        "acct_1": {"ok": False},
    }
    assert ledger.lookups("method", ["acct_0"], between) == {}


async def test_entries_stream_in_order_for_the_ledger_a_run_or_a_reference(ledger):
    first, _ = await planned(ledger, 2)
    await ledger.plan_run(a_run("other"), lines(7))
    first = await ledger.record(first, move_for(first, Event.PREPARE_STARTED))
    names = [(entry.seq, entry.run_id, entry.name, entry.item_id) for entry in ledger.entries()]
    assert names == [
        (1, RUN, "item_planned", first.item_id),
        (2, RUN, "item_planned", ledger.item(2).item_id),
        (3, RUN, "run_planned", ""),
        (4, "other", "item_planned", ledger.item(3).item_id),
        (5, "other", "run_planned", ""),
        (6, RUN, "prepare_started", first.item_id),
    ]
    assert [entry.seq for entry in ledger.entries(run_id=RUN, after=1)] == [2, 3, 6]
    assert [entry.seq for entry in ledger.entries(reference="INV-0000")] == [1, 6]
    assert [entry.seq for entry in ledger.entries("other", "INV-0000")] == []
    (last,) = ledger.entries(after=5)
    assert ledger.run("other").planned_at < last.at < "2026-11-01T08:00:00.010Z"


async def test_a_row_that_is_not_there_is_a_key_error(ledger):
    with pytest.raises(KeyError):
        ledger.item(1)


async def test_a_way_of_days_is_told_with_its_end_and_what_was_taken_back(ledger):
    first, second, third, other = await planned(ledger, 4)
    begun = [State.UNSETTLED] * 3 + [State.SUCCEEDED]
    items = [
        await brought(ledger, item, state) for item, state in zip((first, second, third, other), begun, strict=True)
    ]
    arrived = await ledger.record(items[0], move_for(items[0], Event.CHARGE_SUCCEEDED))
    await ledger.record(arrived, Move(Event.PAYMENT_RETURNED))
    refused = await ledger.record(items[1], move_for(items[1], Event.CHARGE_DECLINED))
    again = [Move(Event.PREPARE_STARTED, attempt=2), Move(Event.PREPARED, instrument_id="pm_2_2")]
    way = Move(Event.CHARGE_UNSETTLED, object_id=refused.object_id)
    await ledger.record(refused, *again, Move(Event.CONFIRM_STARTED), way)
    ends = (Event.CHARGE_SUCCEEDED, Event.CHARGE_DECLINED)
    found = list(ledger.settling(RUN, [Event.CHARGE_UNSETTLED], ends, [Event.PAYMENT_RETURNED]))
    told = sorted((each.item.id, each.end, bool(each.ended), bool(each.taken_back)) for each in found)
    assert told == [
        (1, "charge_succeeded", True, True),
        (2, "", False, False),
        (2, "charge_declined", True, False),
        (3, "", False, False),
    ]
    assert all(each.left < each.ended for each in found if each.ended)
    await ledger.plan_run(a_run(revision=2), [PlannedLine(2, ("a",), item=1)])
    assert [each.item.id for each in ledger.settling(RUN, [Event.CHARGE_UNSETTLED], ends, [])] == [1]


async def test_the_entries_about_a_run_are_told_alone_and_all_of_them_are_counted(ledger):
    await brought(ledger, (await planned(ledger, 2))[0], State.SUCCEEDED)
    await ledger.note_run(RUN, Note.RUN_STARTED, RunStatus.RUNNING)
    assert [entry.name for entry in ledger.run_entries(RUN)] == ["run_planned", "run_started"]
    counts = Counter(entry.name for entry in ledger.entries(RUN))
    assert ledger.entry_counts(RUN) == counts
    assert counts["item_planned"] == 2
    assert (list(ledger.run_entries("nobody")), ledger.entry_counts("nobody")) == ([], {})


async def test_a_plan_may_ask_the_ledger_while_its_lines_stream_into_it(ledger):
    await planned(ledger, 3)

    def amended():
        for planned_line in lines(*range(3_000)):
            item = ledger.obligations(PLATFORM, Mode.TEST, PERIOD, [planned_line.new.reference], Kind.CHARGE)
            row = item[planned_line.new.reference].id if item else None
            yield PlannedLine(planned_line.line, planned_line.cells, None if row else planned_line.new, row)

    task = asyncio.create_task(ledger.plan_run(a_run(revision=2), amended()))
    while not task.done():
        assert ledger.item(2).reference == "INV-0001"
        await asyncio.sleep(0)
    assert ledger.tally(RUN) == [Tally(State.PLANNED, "", "", "usd", 3_000, sum(range(1000, 4000)))]
    assert sum(1 for line in ledger.report(RUN) if line.owned) == 3_000
    assert ledger.verify().faults == ()


async def test_the_items_of_a_kind_are_those_of_all_its_runs_in_these_states(ledger):
    await ledger.plan_run(a_run(), lines(0, 1))
    await ledger.plan_run(a_run("coaching-2026-12", "2026-12"), lines(2, period="2026-12"))
    begun = ledger.item(2)
    await ledger.record(begun, move_for(begun, Event.PREPARE_STARTED))

    def found(kind: Kind = Kind.CHARGE, states=(State.PLANNED,), platform: str = PLATFORM) -> list[str]:
        return [item.reference for item in ledger.of_kind(platform, Mode.TEST, kind, states)]

    assert found() == ["INV-0000", "INV-0002"]
    assert found(states=(State.PLANNED, State.PREPARING)) == ["INV-0000", "INV-0001", "INV-0002"]
    assert found(kind=Kind.REFUND) == found(platform="acct_other") == found(states=()) == []


async def test_what_is_personal_is_known_again_by_the_key_alone(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = await opened(tmp_path / "one"), await opened(tmp_path / "other")
    assert one.keyed(b"jane@example.com") == one.keyed(b"jane@example.com") != one.keyed(b"john@example.com")
    assert one.keyed(b"jane@example.com") != other.keyed(b"jane@example.com")
    assert len(one.keyed(b"")) == 64
    await one.aclose()
    await other.aclose()


async def test_look_ups_are_streamed_by_the_beginning_of_their_names(ledger):
    rows = {name: {"n": number} for number, name in enumerate(["acct_0/a", "acct_0/b", "acct_00/a", "acct_1/a"])}
    await ledger.keep_lookups("movement", rows)
    await ledger.keep_lookups("payout", {"acct_0/a": {"n": 9}})
    assert dict(ledger.kept("movement", "acct_0/")) == {"acct_0/a": {"n": 0}, "acct_0/b": {"n": 1}}
    assert list(ledger.kept("movement")) == list(rows.items())
    assert not list(ledger.kept("movement", "acct_2"))
