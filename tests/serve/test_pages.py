"""What the pages say: every line once, sums that tie, searches by index, and nothing gathered twice in vain."""

from collections import Counter
from urllib.parse import parse_qsl

import pytest
from serve_tools import served

from billing.core.entries import Note
from billing.core.errors import LedgerError
from billing.core.records import RunStatus
from billing.flow.outturn import ROWS
from billing.flow.reporting.overview import overview_of
from billing.flow.serving.finding import minors_of
from billing.flow.serving.lists import SHOWN
from tests.reporting.ledgers import RUN, made


async def page(desk, path: str, query: str = ""):
    found = await desk.page(path, dict(parse_qsl(query, keep_blank_values=True)))
    assert found is not None, path
    return found


async def listed(desk, query: str):
    """Return all lines of a list, page by page."""
    found, after = [], 0
    while True:
        values = (await page(desk, "/run/lines", f"{query}&after={after}")).values
        found += values["listed"]
        after = values["after"]
        assert len(values["listed"]) <= SHOWN
        if not after:
            return found


async def test_the_pages_of_a_list_have_every_line_once_in_the_order_of_the_sheet(plain):
    async with served(plain) as site:
        rows = await listed(site.desk, f"id={RUN}")
    assert [row.line.number for row in rows] == [n + 2 for n in range(plain.lines)]


async def test_lines_by_state_and_by_account_are_those_that_the_report_counts(plain):
    with plain.read() as ledger:
        overview = overview_of(ledger, RUN)
    async with served(plain) as site:
        for row in ROWS:
            found = await listed(site.desk, f"id={RUN}&state={row}")
            assert len(found) == overview.of(row).lines, row
        for name, account in overview.accounts.items():
            if name:
                found = await listed(site.desk, f"id={RUN}&account={name}")
                assert len(found) == account.sheet.lines, name


async def test_an_account_and_a_customer_have_the_same_sums_as_the_runs(plain):
    async with served(plain) as site:
        rows = [row for run in (RUN, "early-2026-11") for row in await listed(site.desk, f"id={run}")]
        own = [row for row in rows if row.line.owned]
        for account in {row.line.account for row in own}:
            values = (await page(site.desk, "/account", f"id={account}")).values
            said: Counter[tuple[str, str]] = Counter()
            for run in values["runs"]:
                for code, _, total in run.rows:
                    for currency, minor in total.totals.items():
                        said[code, currency] += minor
            expected: Counter[tuple[str, str]] = Counter()
            for row in own:
                if row.line.account == account:
                    expected[row.line.row, row.line.currency] += row.line.amount
            assert said == expected
        for customer in sorted({row.line.customer for row in own})[:20]:
            values = (await page(site.desk, "/customer", f"id={customer}")).values
            assert Counter(row.line.reference for row in values["listed"]) == Counter(
                row.line.reference for row in own if row.line.customer == customer
            )


async def test_a_run_is_told_by_the_figures_of_its_report(plain):
    async with served(plain) as site:
        status, text = await site.get(f"/run?id={RUN}")
    with plain.read() as ledger:
        overview = overview_of(ledger, RUN)
    assert status == 200
    assert f"{overview.of('paid').lines:,} of {overview.to_charge.lines:,} payments have arrived." in text


MISSING = ("/run?id=x", "/live?id=x", "/live/events?id=x", "/run/lines", "/account?id=x", "/customer?id=",
           "/item?run=x&reference=y", f"/item?run={RUN}&reference=no")  # fmt: skip


@pytest.mark.parametrize("missing", MISSING)
async def test_what_is_not_in_the_ledger_is_not_found(plain, missing):
    async with served(plain) as site:
        assert (await site.get(missing))[0] == 404


async def test_a_search_finds_by_whatever_is_at_hand(plain):
    async with served(plain) as site:
        rows = await listed(site.desk, f"id={RUN}&state=paid")
        one = next(row.line for row in rows if row.line.owned and row.line.payment)

        async def found(text: str):
            return (await page(site.desk, "/search", f"q={text}")).values["found"]

        for text in (one.reference, one.customer, one.payment, one.payment[:-1], f"  {one.reference} "):
            assert one.reference in {row.line.reference for row in (await found(text)).rows}, text
        assert (await found(one.account[:-1])).accounts
        amount = one.told["amount_charged"]
        for text in (amount, f"{one.currency} {amount}", f"{amount} {one.currency.upper()}"):
            assert one.reference in {row.line.reference for row in (await found(text)).amounts}, text
        assert not (await found(f"gbp {amount}")).amounts
        everything = await found("INV-")
        assert len(everything.rows) == 50
        assert not (await found("%")).rows
        assert not (await found("nothing like it")).rows


@pytest.mark.parametrize(
    ("text", "code", "minors"),
    [
        ("59", "", {0: 59, 1: 590, 2: 5900, 3: 59000}),
        ("59.00", "", {0: 59, 1: 590, 2: 5900, 3: 59000}),
        ("59.5", "", {1: 595, 2: 5950, 3: 59500}),
        ("USD 1,900.00", "usd", {0: 1900, 1: 19000, 2: 190_000, 3: 1_900_000}),
        ("1900.005kwd", "kwd", {3: 1_900_005}),
        ("usd 1 eur", "", {}),
        ("INV-59", "", {}),
        ("", "", {}),
        ("1e9", "", {}),
        ("-5", "", {}),
        ("٥٩", "", {}),
    ],
)
def test_a_text_is_an_amount_by_the_decimals_that_a_currency_may_have(text, code, minors):
    assert minors_of(text) == (code, minors)


async def test_it_writes_nothing(plain):
    def kept() -> dict[str, bytes]:
        files = [path for path in plain.path.parent.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
        return {path.name: path.read_bytes() for path in files if path.stat().st_size}

    before = kept()
    async with served(plain) as site:
        for path in ("/", f"/run?id={RUN}", f"/live?id={RUN}", f"/run/lines?id={RUN}", "/search?q=INV", "/search?q=5"):
            assert (await site.get(path))[0] == 200
        await site.desk.seen([RUN])
        for ledger in (site.desk.reader, site.desk.onlooker):
            with pytest.raises(LedgerError, match="opened to read only"):
                await ledger.note_run(RUN, Note.RUN_STARTED, RunStatus.RUNNING)
    assert kept() == before


async def test_a_run_is_gathered_again_only_after_something_was_written_about_it(tmp_path):
    own = made(tmp_path, 40, 3)
    async with served(own) as site:

        async def answer() -> object:
            return (await page(site.desk, "/run", f"id={RUN}")).values["answer"]

        first = await answer()
        writer = await own.open(write=True)
        await writer.note_beside("early-2026-11", Note.RECONCILED, {})
        assert await answer() is first
        await writer.note_beside(RUN, Note.RECONCILED, {})
        await writer.aclose()
        anew = await answer()
        assert anew is not first
        assert anew == first


async def test_a_run_is_looked_at_again_only_after_something_was_written(tmp_path):
    own = made(tmp_path, 40, 3)
    async with served(own) as site:
        assert set(await site.desk.seen([RUN])) == {RUN}
        assert not await site.desk.seen([RUN])
        writer = await own.open(write=True)
        assert await site.desk.seen([RUN])  # somebody holds the ledger now: that is news of who is at it
        await writer.note_beside(RUN, Note.RECONCILED, {})
        assert await site.desk.seen([RUN])
        await writer.aclose()


async def test_what_a_page_is_told_of_a_run_has_no_control_characters(hostile):
    async with served(hostile) as site:
        nodes = (await site.desk.seen([RUN]))[RUN].nodes
    texts = [str(facts["text"]) for facts in nodes.values() if "text" in facts]
    assert texts
    assert all(text.isprintable() for text in texts)
