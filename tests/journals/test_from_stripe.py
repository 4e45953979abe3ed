"""From charges on a sandbox to a journal: a run, its disputes and payouts, compared with Stripe and exported."""

from collections import Counter
from datetime import timedelta

import pytest

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.core.journals.formats import FORMATS
from billing.core.journals.journal import Journal, Setup
from billing.core.movements import MOVEMENT, PAYOUT, Movement
from billing.core.reconciling.kept import OUTCOME
from billing.flow.exporting import EVERYTHING, Slice, Survey, compared, journal_of, require_fit, scope_of
from billing.flow.reconciling.reconcile import reconcile
from billing.flow.reconciling.scope import scope_of as scope_to_compare
from billing.flow.report import EVER
from billing.sandbox import levers
from tests.flow.world import RUN, World
from tests.journals.books import chart

DAY = 86_400
FAST = 100_000.0
SETUP = Setup("Tax Exempt", 1001, 1)


@pytest.fixture
async def world(tmp_path):
    """A run that is charged: on accounts that are settled in dollars and in euros, some lines in the other one."""
    world = World.make(
        tmp_path, items=16, accounts=2, mix={"succeeds": 0.6, "debit_succeeds": 0.2, "do_not_honor": 0.2}
    )
    lines = world.file.read_text().splitlines(keepends=True)
    other = (line.replace(",USD,", ",EUR,") if at % 5 == 1 else line for at, line in enumerate(lines))
    world.file.write_text("".join(other))
    await world.charge_all()
    return world


async def _compare(world: World):
    async with world.services() as services:
        await world.settle(services)
        return await reconcile(services, scope_to_compare(services.ledger, Mode.TEST, RUN, None), rate=FAST)


def _paid(world: World) -> list[tuple[str, str]]:
    return sorted(
        (account, charge["id"])
        for account in world.scenario.accounts
        for charge in world.sandbox.world.accounts[account]["ch"].of(livemode=False)
        if charge["status"] == "succeeded" and charge["payment_method_details"]["type"] == "card"
    )


async def _export(
    world: World, to: str = "hledger", wanted: Slice = EVERYTHING, period: str | None = None
) -> tuple[Journal, Survey, str]:
    """A journal, its entries read once, and the file."""
    async with world.read() as ledger:
        scope = scope_of(ledger, None if period else RUN, period, Mode.TEST)
        made = journal_of(ledger, scope, chart(to), wanted, compared(ledger, scope), SETUP)
        assert made is not None
        journal, survey = made
        require_fit(journal, survey, FORMATS[to], "billing export")
        return journal, survey, "".join(FORMATS[to].write(journal))


async def _held(world: World) -> Counter[tuple[str, str]]:
    """What accounts hold in the currencies they are settled in, whosever they are."""
    held: Counter[tuple[str, str]] = Counter()
    async with world.read() as ledger:
        scope = scope_of(ledger, RUN, None, Mode.TEST)
        made = journal_of(ledger, scope, chart(), EVERYTHING, compared(ledger, scope), SETUP)
        for entry in made[0].entries:
            for posting in entry.postings:
                minor, currency = posting.weight
                held[posting.name.rpartition(":")[0], currency] += minor
    return held


async def test_a_journal_says_of_each_currency_what_the_comparison_says(world):
    (account, charge), *_, (other, another) = _paid(world)
    levers.open_dispute(world.sandbox, account, charge)
    dispute = levers.open_dispute(world.sandbox, other, another)
    world.sandbox.advance(2 * DAY)
    levers.end_dispute(world.sandbox, other, dispute["id"], "won")
    world.sandbox.advance(16 * DAY)
    found = await _compare(world)
    held = await _held(world)
    assert len(found.totals) > 1
    for currency, totals in found.totals.items():
        assert held["assets:bank", currency] == totals.paid_out > 0
        assert held["assets:stripe", currency] == totals.on_its_way + totals.held
        assert held["assets:bank", currency] + held["assets:stripe", currency] == totals.net
        assert held["equity:suspense", currency] == 0
    assert sum(held["expenses:dispute-fees", currency] for currency in found.totals) > 0
    journal, _, text = await _export(world)
    assert any(" EUR @@ " in line for line in text.splitlines())
    assert [note for note in journal.notes if "differences" in note]
    assert f"; {journal.notes[0]}" in text


async def test_money_under_way_is_not_at_the_bank_and_a_payout_that_fails_brings_it_back(world):
    await _compare(world)
    assert {name for name, _ in await _held(world)}.isdisjoint({"assets:bank"})
    world.sandbox.advance(7 * DAY)
    await _compare(world)
    before, at_bank = await _export(world), await _held(world)
    (account, payout) = next(
        (account, payout["id"])
        for account in world.scenario.accounts
        for payout in world.sandbox.world.accounts[account]["po"].of(livemode=False)
        if payout["status"] == "paid"
    )
    levers.fail_payout(world.sandbox, account, payout)
    found, after, now = await _compare(world), await _export(world), await _held(world)
    for currency, totals in found.totals.items():
        assert now["assets:bank", currency] == totals.paid_out
        assert now["assets:stripe", currency] == totals.on_its_way + totals.held
    assert now != at_bank
    earlier, later = (set(text.strip().split("\n\n")[3:]) for *_, text in (before, after))
    assert later > earlier, "a later export only adds"
    world.sandbox.advance(16 * DAY)
    found, repaid = await _compare(world), await _held(world)
    for currency, totals in found.totals.items():
        assert repaid["assets:bank", currency] == totals.paid_out


async def test_the_same_ledger_gives_the_same_bytes_and_a_period_is_the_union_of_its_runs(world):
    world.sandbox.advance(16 * DAY)
    await _compare(world)
    for to in ("hledger", "beancount", "csv"):
        assert (await _export(world, to))[2] == (await _export(world, to))[2]
    assert (await _export(world, "csv", period="2026-11"))[2] == (await _export(world, "csv"))[2]


async def test_a_file_of_one_currency_is_asked_for_by_it_and_days_and_accounts_part_a_journal(world):
    world.sandbox.advance(16 * DAY)
    await _compare(world)
    with pytest.raises(UsageError, match=r"billing export --currency eur, billing export --currency usd"):
        await _export(world, "datev")
    whole, survey, text = await _export(world, "csv")
    parts = [await _export(world, "csv", Slice(currency=code)) for code in ("eur", "usd")]
    assert sum(part[1].entries for part in parts) == survey.entries
    parts = [await _export(world, "csv", Slice(accounts=frozenset({account}))) for account in world.scenario.accounts]
    assert sum(part[1].entries for part in parts) == survey.entries
    cut = whole.first
    parts = [
        await _export(world, "csv", Slice(until=cut)),
        await _export(world, "csv", Slice(since=cut + timedelta(days=1))),
    ]
    assert sum(part[1].entries for part in parts) == survey.entries
    assert {line for part in parts for line in part[2].splitlines()} == set(text.splitlines())


async def test_a_run_that_was_never_compared_is_refused_with_what_to_type(world):
    async with world.read() as ledger:
        scope = scope_of(ledger, RUN, None, Mode.TEST)
        with pytest.raises(UsageError, match=f"never compared with Stripe.*type billing reconcile {RUN}"):
            compared(ledger, scope)
        scope = scope_of(ledger, None, "2026-11", Mode.TEST)
        with pytest.raises(UsageError, match="type billing reconcile --period 2026-11"):
            compared(ledger, scope)
        for run, period in ((None, None), (RUN, "2026-11"), ("nonsense", None), (None, "2026-12")):
            with pytest.raises(UsageError):
                scope_of(ledger, run, period, Mode.TEST)


async def test_what_changed_since_the_comparison_is_told(world):
    await _compare(world)
    journal, *_ = await _export(world)
    assert not [note for note in journal.notes if "went on" in note]
    async with world.services() as services:
        (outcome,) = services.ledger.lookups(OUTCOME, [RUN], EVER).values()
        await services.ledger.keep_lookups(OUTCOME, {RUN: {**outcome, "as_of": "2026-11-01T00:00:00.000+00:00"}})
    journal, *_ = await _export(world)
    assert [note for note in journal.notes if note.startswith(f"{RUN}: went on after")]


async def test_what_no_rule_books_and_what_does_not_add_up_is_told(world):
    await _compare(world)
    async with world.services() as services:
        name, facts = next(services.ledger.kept(MOVEMENT))
        odd = {**facts, "category": "contribution", "net": facts["net"] + 1, "payout": "po_nobody"}
        await services.ledger.keep_lookups(MOVEMENT, {name: odd})
    journal, *_ = await _export(world)
    told = " ".join(journal.notes)
    assert "1 of the category 'contribution'" in told
    assert f"{Movement.from_facts(name, odd).id}: amount, fees and net do not agree" in told
    assert "po_nobody: nothing is known of this payout" in told
    async with world.services() as services:
        await services.ledger.keep_lookups(MOVEMENT, {name: {**facts, "currency": "xxx"}})
    with pytest.raises(UsageError, match="'xxx' is no currency"):
        await _export(world)


async def test_a_payout_of_a_status_nobody_knows_is_told(world):
    world.sandbox.advance(16 * DAY)
    await _compare(world)
    async with world.services() as services:
        name, facts = next((name, facts) for name, facts in services.ledger.kept(PAYOUT) if facts["broken_down"])
        await services.ledger.keep_lookups(PAYOUT, {name: {**facts, "status": "lost_at_sea"}})
    journal, *_ = await _export(world)
    assert [note for note in journal.notes if "'lost_at_sea', which no rule books" in note]
