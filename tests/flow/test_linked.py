"""Every link is listed once with what it pays and until when, and a renewal that failed with what helps."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from billing.core.items import Kind, Mode, When
from billing.core.kinds.cancellation import CANCELLATION_LIFE
from billing.core.objects.renewal import Trouble
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.runfiles.reversal_file import SHEETS, as_csv
from billing.edge.stripe.found import LookupFailed
from billing.flow.execute import execute
from billing.flow.kinds.subscription.reversal import cancellation_of
from billing.flow.linked import Linked, Whose, accounts_of, links, listing_of
from billing.flow.options import RunOptions
from billing.flow.planning.plan import PlanOptions, keep, make_plan
from billing.flow.planning.preflight import Preflight
from billing.sandbox.faults import FaultKind
from tests.flow.subscribe_world import DAY, LIST, SubscribeWorld
from tests.flow.world import UNGUARDED
from tests.virtual import run_virtually


async def _found(bench: SubscribeWorld, whose: Whose, *, offline: bool) -> list[Linked | LookupFailed]:
    async with bench.world.services() as services:
        accounts = accounts_of(services.ledger, Mode.TEST, whose)
        listing = None if offline else listing_of(services)
        return [one async for one in links(services.ledger, accounts, whose, listing)]


def found(bench: SubscribeWorld, whose: Whose = Whose(), *, offline: bool = False):  # noqa: B008  frozen
    return run_virtually(partial(_found, bench, whose, offline=offline))


def subscribed(folder: Path, payers: int = 3, accounts: int = 2, **cells: str) -> SubscribeWorld:
    bench = SubscribeWorld.make(folder, ("pm_card_visa",) * payers, accounts=accounts, **cells)
    run_virtually(bench.subscribe_all)
    return bench


def spoilt(bench: SubscribeWorld, link: Linked) -> None:
    """Take away what a link pays with, as its payer or an operator may."""
    bench.post(f"/v1/payment_methods/{link.connected_payment_method}/detach", link.account)


def test_each_link_is_listed_once_with_its_copy_and_how_long_it_is_paid(tmp_path: Path) -> None:
    bench = subscribed(tmp_path)
    before = bench.sent(LIST)
    rows = found(bench)
    assert bench.sent(LIST) == before + 2  # one for each account, none for each link
    assert sorted(row.reference for row in rows) == ["SUB-0", "SUB-1", "SUB-2"]
    books = {book.subscription: book for book in bench.books()}
    for row in rows:
        book = books[row.subscription]
        assert (row.account, row.connected_customer, row.status) == (book.account, book.customer, "active")
        assert (row.trouble, row.what_to_do, row.asked) == ("", "", True)
        assert row.customer in {each["customer"] for each in bench.rows}
        assert row.payment_method.startswith("pm_")
        assert row.current_period_end > "2026"
    assert [row.account for row in rows] == sorted(row.account for row in rows)


def test_a_renewal_that_failed_is_told_with_what_helps_and_its_neighbours_are_not(tmp_path: Path) -> None:
    bench = subscribed(tmp_path)
    broken = found(bench)[0]
    spoilt(bench, broken)
    bench.sandbox.advance(32 * DAY)
    rows = {row.subscription: row for row in found(bench)}
    row = rows.pop(broken.subscription)
    assert (row.status, row.trouble, row.failed_attempts) == ("past_due", Trouble.RETRYING, 1)
    assert "billing sync" in row.what_to_do
    assert {other.trouble for other in rows.values()} == {""}
    bench.sandbox.advance(20 * DAY)
    (row,) = [one for one in found(bench) if one.subscription == broken.subscription]
    assert (row.status, row.trouble) == ("canceled", Trouble.OVER_AND_OWING)


def test_only_what_is_asked_for_is_listed_and_asked_about(tmp_path: Path) -> None:
    bench = subscribed(tmp_path)
    account, customer = bench.rows[0]["account"], bench.rows[1]["customer"]
    before = bench.sent(LIST)
    assert {row.account for row in found(bench, Whose(accounts=frozenset({account})))} == {account}
    assert bench.sent(LIST) == before + 1
    assert [row.customer for row in found(bench, Whose(customers=frozenset({customer})))] == [customer]


def test_the_ledger_alone_tells_what_it_knows_and_nothing_is_sent(tmp_path: Path) -> None:
    bench = subscribed(tmp_path)
    before = bench.sandbox.requests.total()
    rows = found(bench, offline=True)
    assert bench.sandbox.requests.total() == before
    assert {(row.status, row.asked, row.trouble) for row in rows} == {("active", False, "")}


def test_an_account_that_cannot_be_listed_is_said_and_its_links_are_told_from_the_ledger(tmp_path: Path) -> None:
    bench = subscribed(tmp_path)
    bench.world.script(FaultKind.UNAVAILABLE_503, LIST, times=5)
    failed, *rows = found(bench)
    assert isinstance(failed, LookupFailed)
    assert len(rows) == 3
    assert {row.asked for row in rows} == {True, False}


def test_a_subscription_that_the_account_does_not_list_is_told(tmp_path: Path) -> None:
    bench = subscribed(tmp_path, payers=1, accounts=1)
    (row,) = found(bench)
    bench.post(f"/v1/subscriptions/{row.subscription}", row.account, **{"metadata[billing_item]": ""})
    assert [one.trouble for one in found(bench)] == [Trouble.NOT_LISTED]


def test_a_line_that_came_to_nothing_is_no_link(tmp_path: Path) -> None:
    bench = SubscribeWorld.make(tmp_path, ("pm_card_chargeCustomerFail",))
    run_virtually(bench.subscribe_all)
    assert all(row.status != "active" for row in found(bench))


# --- what this ledger has made itself --------------------------------------------------------------------------------


async def _ended(bench: SubscribeWorld, mistaken: bool) -> list[str]:
    """End what the bench has subscribed; a mistaken file names another run."""
    async with bench.world.services() as services:
        made = bench.world.items(services)
        lines = [cancellation_of(item, When.NOW, clear_fee=False) for item in made]
        if mistaken:
            lines = [replace(line, of_run="other-2026-11") for line in lines]
        file = bench.world.folder / "end.csv"
        file.write_text("".join(as_csv(SHEETS[Kind.CANCELLATION], lines)))
        with open_run(file, run_id="ends-2026-11", defaults=RunDefaults(policies=UNGUARDED)) as source:
            plan = await make_plan(services, source, PlanOptions(Preflight.NONE))
            await keep(plan, source, services.ledger)
        await execute(services, "ends-2026-11", RunOptions(), UNGUARDED)
        ends = services.ledger.of_kind(services.platform, services.mode, Kind.CANCELLATION, CANCELLATION_LIFE.states)
        return [f"{item.state} {item.facts.get('reason_code', '')}".strip() for item in ends]


def test_what_a_run_of_this_ledger_has_made_is_ended_and_leaves_the_list_of_what_runs(tmp_path: Path) -> None:
    bench = subscribed(tmp_path)
    assert run_virtually(partial(_ended, bench, mistaken=False)) == ["succeeded"] * 3
    assert {(row.status, row.trouble, bool(row.ends_at)) for row in found(bench)} == {("canceled", "", True)}


def test_what_another_run_has_made_is_not_ended_by_a_file_that_names_the_wrong_one(tmp_path: Path) -> None:
    bench = subscribed(tmp_path, payers=2, accounts=1)
    for row in found(bench):
        bench.post(f"/v1/subscriptions/{row.subscription}", row.account, **{"metadata[billing_run]": "other-2026-11"})
    assert run_virtually(partial(_ended, bench, mistaken=True)) == ["skipped not_ours"] * 2
    assert {row.status for row in found(bench)} == {"active"}
