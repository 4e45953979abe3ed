"""A lost ledger whose lines were corrected, withdrawn and begun anew: every generation comes back as what it was."""

import random
from collections import Counter
from contextlib import suppress

import pytest

from billing.core.errors import InvalidInput
from billing.core.exits import Exit
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds.charge import State
from billing.core.records import RunStatus
from billing.edge.ledger.custody.known_ledgers import Making
from billing.flow.kinds.charge.rebuilding.rebuild import RebuildOptions, rebuild
from billing.flow.options import Selection
from billing.sandbox.inprocess import InProcess
from billing.sandbox.scenario import USUAL_MIX
from tests.flow.test_amend import MIX, Dying, Killed, Services, _edit
from tests.flow.test_rebuild import CutLedger, _was_killed, lose, rebuilt, the_file
from tests.flow.world import RUN, World

DECLINING = {"insufficient_funds": 1.0}


@pytest.fixture
def office(tmp_path):
    return Services(World.make(tmp_path, items=4, accounts=1, mix=MIX))


async def closed_and_corrected(tmp_path) -> Services:
    """A run whose first line was declined, corrected to another amount and another card, and then paid."""
    office = Services(World.make(tmp_path, items=4, accounts=1, mix={"succeeds": 0.75, "insufficient_funds": 0.25}))
    await office.run()
    paid = {reference for reference, _, _ in office.paid()}
    good = office.row(min(paid))
    for row in office.rows:
        if row["reference"] not in paid:
            row |= {"amount": "33.00", "application_fee": "", "payment_method": good["payment_method"]}
            row["customer"] = good["customer"]
    await office.run()
    return office


async def chain(world: World) -> list[tuple]:
    """Every item of the ledger: reference, generation, state, intent, reason."""
    return sorted(
        (one.reference, one.generation, one.state, one.object_id, one.facts.get("reason_code"))
        for one in await world.item()
    )


def without_reason(items) -> list[tuple]:
    return [one[:4] for one in items]


async def found_again(office: Services):
    """Lose the ledger and rebuild it from the sheet as it is."""
    lose(office.world)
    office.write()
    return await rebuilt(office.world)


async def test_a_corrected_line_comes_back_with_both_generations_and_the_next_run_sends_nothing(tmp_path):
    office = await closed_and_corrected(tmp_path)
    before, paid = await chain(office.world), office.paid()
    assert {generation for _, generation, *_ in before} == {0, 1}
    found = await found_again(office)
    after = await chain(office.world)
    assert without_reason(after) == without_reason(before)
    assert {one[4] for one in after if one[2] is State.FAILED} == {"closed_before_loss"}
    assert (found.unopened, found.strays, found.left_out, found.exit) == ([], [], [], Exit.OK)
    assert found.earlier == sum(generation == 0 and state is State.FAILED for _, generation, state, *_ in before)
    again = await office.run(amend=False)
    assert (again.nothing_left, again.exit, office.paid()) == (True, Exit.OK, paid)
    await office.world.assert_true()


async def test_what_was_closed_for_a_correction_that_never_came_to_be_opened_is_charged_as_the_file_says(tmp_path):
    office = Services(World.make(tmp_path, items=3, accounts=1, mix=DECLINING))
    await office.run()
    for row in office.rows:
        row["amount"], row["application_fee"] = "44.00", ""
    await office.run(selection=Selection(only=(office.rows[0]["reference"],)))
    found = await found_again(office)
    assert sorted(found.unopened) == sorted(row["reference"] for row in office.rows[1:])
    assert any("closed unpaid" in warning for warning in found.warnings)
    result = await office.run(amend=False)
    assert result.plan.left.lines == 2
    amounts = Counter(intent.amount for intent in office.world.sandbox.books().intents if intent.status != "canceled")
    assert amounts == {4400: 3}
    await office.world.assert_true()


async def test_a_withdrawn_line_is_accounted_for_and_comes_back_with_its_line(tmp_path):
    office = Services(World.make(tmp_path, items=3, accounts=1, mix=DECLINING))
    await office.run()
    gone = office.rows.pop()
    await office.run()
    before = await chain(office.world)
    found = await found_again(office)
    assert without_reason(await chain(office.world)) == without_reason(before)
    assert (found.withdrawn, found.strays, found.unopened) == ([gone["reference"]], [], [])
    assert [one[4] for one in await chain(office.world) if one[0] == gone["reference"]] == ["withdrawn"]
    office.rows.append(gone)
    result = await office.run()
    assert result.plan.amendment.counts == {"added": 1}
    newest = max(one for one in await chain(office.world) if one[0] == gone["reference"])
    assert newest[1:3] == (1, State.UNPAID)


async def test_a_generation_that_was_never_opened_is_kept_as_a_gap(office):
    """The first was skipped before anything was sent; only the second has an intent."""
    await office.run(limit=1)
    late = next(row for row in office.rows if row["reference"] not in {one for one, _, _ in office.paid()})
    late["amount"], late["application_fee"] = "55.00", ""
    await office.run()
    paid = office.paid()
    await found_again(office)
    told = [one for one in await chain(office.world) if one[0] == late["reference"]]
    assert [(one[1], one[2], one[3] is None) for one in told] == [
        (0, State.SKIPPED, True), (1, State.SUCCEEDED, False),
    ]  # fmt: skip
    assert (await office.run(amend=False)).nothing_left
    assert office.paid() == paid


async def test_a_file_from_before_the_correction_is_refused(tmp_path):
    office = await closed_and_corrected(tmp_path)
    row = next(row for row in office.rows if row["amount"] == "33.00")
    row["amount"] = "34.00"
    with pytest.raises(InvalidInput) as refused:
        await found_again(office)
    assert [(one.code, one.reference) for one in refused.value.problems] == [("not_what_was_charged", row["reference"])]
    row["amount"] = "33.00"
    office.write()
    await rebuilt(office.world)
    assert (await office.run(amend=False)).nothing_left


def again(world: World, reference: str, generation: int, **changes) -> str:
    """Put an intent of a later generation beside the first one of a reference, as no ledger of ours leaves it."""
    for account in world.scenario.accounts:
        shelf = world.sandbox.world.accounts[account]["pi"]
        for body in list(shelf):
            if body["metadata"]["billing_reference"] == reference:
                item = item_id(
                    Mode.TEST, world.sandbox.world.platform.id, "2026-11", reference, generation, Kind.CHARGE
                )
                metadata = {**body["metadata"], "billing_item": item}
                shelf.add({**body, "id": f"pi_again{generation}", "metadata": metadata, **changes})
                return body["id"]
    raise AssertionError(reference)


UNTRIED = {
    "status": "requires_payment_method", "latest_charge": None, "last_payment_error": None, "payment_method": None,
    "amount_received": 0,
}  # fmt: skip


@pytest.mark.parametrize("mix", [MIX, DECLINING], ids=["paid", "open"])
@pytest.mark.parametrize("second", ["succeeded", "open"])
async def test_where_two_generations_are_alive_the_line_is_left_out_loudly_and_never_charged(tmp_path, mix, second):
    office = Services(World.make(tmp_path, items=2, accounts=1, mix=mix))
    await office.run()
    reference = office.rows[0]["reference"]
    again(office.world, reference, 1, **({"status": "succeeded"} if second == "succeeded" else UNTRIED))
    found = await found_again(office)
    (left,) = found.left_out
    anyone_paid = mix is MIX or second == "succeeded"
    assert (left.reference, left.reason) == (reference, "paid_elsewhere" if anyone_paid else "opened_elsewhere")
    assert "pi_again1" in left.intents
    assert [stray.paid for stray in found.strays] == [mix is MIX and second == "succeeded"]
    assert found.exit is Exit.DECLINES
    books = office.world.sandbox.books()
    for amend in (False, True):
        result = await office.run(amend=amend)
        assert result.exit is Exit.DECLINES
    assert office.world.sandbox.books() == books


async def test_a_line_left_out_as_paid_elsewhere_is_taken_in_by_a_rebuild(tmp_path):
    """A fresh ledger ran first: the corrected line was left out there, since another ledger had charged it."""
    office = await closed_and_corrected(tmp_path)
    paid = office.paid()
    lose(office.world)
    office.write()
    async with office.world.services(making=Making.ANEW) as services:
        await office.world.plan(services)
        await office.world.run(services)
    assert "paid_elsewhere" in {one[4] for one in await chain(office.world)}
    found = await rebuilt(office.world)
    assert (found.left_out, found.exit) == ([], Exit.OK)
    item = [one for one in await chain(office.world) if one[2] is State.SUCCEEDED]
    assert sorted(one[0] for one in item) == sorted({reference for reference, _, _ in paid})
    assert (await office.run(amend=False)).nothing_left
    assert office.paid() == paid


async def test_killed_after_any_write_a_rebuild_of_generations_goes_on_to_the_same_end(tmp_path):
    office = await closed_and_corrected(tmp_path)
    office.rows.append(dict(office.rows[0], reference="NEW-1", amount="12.00", application_fee=""))
    await office.run(selection=Selection(exclude=("NEW-1",)))
    await found_again(office)
    whole, cuts = await chain(office.world), 0
    while await _cut(office, cuts):
        await rebuilt(office.world)
        assert await chain(office.world) == whole, f"killed after write {cuts + 1}"
        async with office.world.read() as ledger:
            assert ledger.verify().faults == ()
            assert ledger.run(RUN).status is not RunStatus.REBUILDING
        cuts += 1
    assert cuts > len(whole)


async def _cut(office: Services, writes: int) -> bool:
    """Lose the ledger and rebuild it in a process that dies after so many writes; tell whether it did."""
    lose(office.world)
    try:
        async with office.world.services(making=Making.ANEW) as services:
            services.ledger = CutLedger(services.ledger, writes)
            with the_file(office.world) as source:
                await rebuild(services, source, RebuildOptions())
    except BaseException as gone:
        if not _was_killed(gone):
            raise
        return True
    return False


async def kept(world: World) -> dict:
    """What the ledger says of the run as a whole."""
    async with world.read() as ledger:
        return dict(ledger.run(RUN).header)


async def test_the_whole_sheet_is_on_record_although_every_line_of_it_was_corrected(tmp_path):
    office = Services(World.make(tmp_path, items=2, accounts=1, mix=DECLINING))
    await office.run()
    for row in office.rows:
        row["amount"], row["application_fee"] = "44.00", ""
    await office.run()
    before, header = await chain(office.world), await kept(office.world)
    await found_again(office)
    assert without_reason(await chain(office.world)) == without_reason(before)
    assert await kept(office.world) == header


async def test_totals_tie_after_a_rebuild_and_the_report_has_every_line(tmp_path):
    office = await closed_and_corrected(tmp_path)
    before, header = await office.run(amend=False), await kept(office.world)
    await found_again(office)
    assert await kept(office.world) == header
    after = await office.run(amend=False)
    for name in ("items", "counts", "totals", "exit_code"):
        assert after.summary[name] == before.summary[name], name


@pytest.mark.parametrize("seed", range(24))
async def test_whatever_was_amended_killed_lost_and_rebuilt_nobody_pays_twice_and_the_rest_is_charged(tmp_path, seed):
    chance = random.Random(seed)
    office = Services(World.make(tmp_path, items=5, accounts=2, mix=MIX if seed % 3 else USUAL_MIX))
    full, sheets = [dict(row) for row in office.rows], []
    for turn in range(8):
        _edit(office, full, chance, turn)
        sheets.append([dict(row) for row in office.rows])
        wire = Dying(InProcess(office.world.sandbox), chance.randint(1, 25), chance.random() < 0.5)
        with suppress(Killed, BaseExceptionGroup, InvalidInput):
            await office.run(wire=wire if turn < 7 else None, limit=chance.choice([None, 1, 2]))
        if chance.random() < 0.5:
            await rebuilt_from_one_of(office, sheets)
        most = Counter(reference for reference, _, _ in office.paid().elements())
        assert max(most.values(), default=0) <= 1
    await rebuilt_from_one_of(office, sheets)
    await office.run()
    if seed % 3:
        await assert_all_paid_or_closed(office)
    await office.world.assert_true()


async def rebuilt_from_one_of(office: Services, sheets: list) -> None:
    """Rebuild from the sheet that was charged last: the newest one that the payments agree with."""
    lose(office.world)
    now = office.rows
    for sheet in reversed(sheets):
        office.rows = sheet
        office.write()
        with suppress(InvalidInput):
            await rebuilt(office.world)
            office.rows = now
            await office.world.assert_true()
            return
    raise AssertionError("no version of the sheet agrees with what was charged")


async def assert_all_paid_or_closed(office: Services) -> None:
    """Every line of the sheet is paid, but for one whose last intent was closed with this very content."""
    paid = {reference for reference, _, _ in office.paid()}
    newest = {}
    for one in await chain(office.world):
        newest[one[0]] = one
    for row in office.rows:
        _, _, state, _, reason = newest[row["reference"]]
        assert row["reference"] in paid or (state, reason) == (State.FAILED, "canceled"), (row, newest)
