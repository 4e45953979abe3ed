"""From the bank's line to the run's lines: what payouts carry adds up to what the run left on all balances."""

from collections import Counter

import pytest

from billing.core.items import Kind
from billing.core.movements import MOVEMENT, Movement
from billing.core.reconciling.kinds import Place
from billing.flow.reporting.comparison import comparison_of
from billing.flow.reporting.payouts import Booked, fees_of, payouts_of
from tests.flow.world import RUN
from tests.reconcile.meddling import DAY, UNDO, fail_a_payout, meddle, refund, world
from tests.reporting.ledgers import made
from tests.virtual import run

KEPT = ("gross", "refunds", "disputes", "stripe_fee", "application_fee", "other")
SEEDS = range(40, 48)


def rows_of(ledger, run_id: str) -> list[Movement]:
    each = (Movement.from_facts(name, facts) for name, facts in ledger.kept(MOVEMENT))
    return [row for row in each if row.run == run_id]


def nets(each) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for one in each:
        found[one.account, one.currency] += one.net
    return found


def hold(ledger, run_id: str) -> None:
    record, rows = ledger.run(run_id), rows_of(ledger, run_id)
    parts, fees = payouts_of(ledger, record), fees_of(ledger, record)
    summed: list[Booked] = [*parts, *fees]
    assert nets(parts) == nets(rows)
    assert nets(one for one in fees if one.currency) == nets(rows)
    assert all(sum(getattr(one, name) for name in KEPT) == one.net for one in summed)
    carried = Counter(row.payout or "" for row in rows)
    assert {part.payout for part in parts} == set(carried)
    assert sum(part.lines for part in parts) >= len({row.reference for row in rows})
    assert all(one.known <= one.paid for one in fees)
    assert len({(part.account, part.currency, part.payout) for part in parts}) == len(parts)


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_and_what_is_in_none_add_up_to_all_that_moved_and_say_where_it_is(tmp_path, seed):
    async def law() -> None:
        one = await world(tmp_path, seed, items=10, accounts=2)
        meddle(one, one.chance.randint(1, 8))
        one.sandbox.advance(one.chance.choice((DAY, 4 * DAY)))
        fail_a_payout(one)
        one.sandbox.advance(one.chance.choice((0, 5 * DAY)))
        await one.reconcile()
        async with one.world.read() as ledger:
            undone = ledger.run(UNDO) is not None
            for run_id in (RUN, *([UNDO] if undone else [])):
                hold(ledger, run_id)
            parts, books = payouts_of(ledger, ledger.run(RUN)), one.sandbox.world.accounts
            for part in (part for part in parts if part.payout):
                shown = books[part.account]["po"].peek(part.payout)
                assert (part.amount, part.status) == (shown["amount"], shown["status"])
                assert part.arrived is (books[part.account]["po"].peek(part.bank)["status"] == "paid")
                assert part.bank == (part.repaid_by or part.payout)
                if not part.beside and part.elsewhere == 0:
                    assert part.net == part.amount
            totals = comparison_of(ledger, ledger.run(RUN)).totals
            if not undone:  # a comparison counts refunds of other runs, too
                assert sum(part.net for part in parts if part.arrived) == sum(s.paid_out for s in totals.values())
                fees = sum(s.theirs[p] for s in totals.values() for p in (Place.STRIPE_FEES, Place.EXTRA_FEES))
                assert sum(one.stripe_fee for one in fees_of(ledger, ledger.run(RUN))) == fees

    run(law())


def test_a_payout_says_what_it_carries_of_other_runs_and_of_what_is_none_of_ours(tmp_path):
    async def law() -> None:
        one = await world(tmp_path, 42, items=12, accounts=1, mix={"succeeds": 1.0})
        assert len(one.items) < 12  # some were given back by a run of ours
        refund(one)
        one.sandbox.advance(9 * DAY)
        await one.reconcile()
        await one.reconcile(run=UNDO)
        async with one.world.read() as ledger:
            record = ledger.run(RUN)
            every = [row for run_id in (RUN, UNDO) for row in rows_of(ledger, run_id)]
            for part in payouts_of(ledger, record):
                if part.payout:
                    others = sum(row.net for row in every if row.payout == part.payout and row.run == UNDO)
                    assert sum(part.beside.values()) == others
                    assert part.amount == part.net + others + part.elsewhere

    run(law())


def test_a_made_run_ties_and_every_paid_line_has_its_fee(tmp_path):
    done = made(tmp_path, 300, hostile=True)
    with done.read() as ledger:
        hold(ledger, done.run_id)
        fees = fees_of(ledger, ledger.run(done.run_id))
        lines = {one.account: (one.known, one.paid) for one in fees}
        assert sum(paid for _, paid in lines.values()) > 0
        assert all(known == paid for known, paid in lines.values())
        assert any(part.failed for part in payouts_of(ledger, ledger.run(done.run_id)))


def test_a_run_that_was_never_compared_has_no_payouts_and_says_how_many_lines_wait_for_it(tmp_path):
    done = made(tmp_path, 60, reconciled=False)
    with done.read() as ledger:
        record = ledger.run(done.run_id)
        assert record.kind is Kind.CHARGE
        assert payouts_of(ledger, record) == []
        fees = fees_of(ledger, record)
        assert fees
        assert all((one.known, one.net, one.currency) == (0, 0, "") for one in fees)
        assert sum(one.paid for one in fees) > 0
