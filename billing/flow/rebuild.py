"""Rebuild the ledger of a run that was lost, from its file and from what Stripe shows of its intents; only reads.

The danger is a run that looks planned while its items are paid: past the key window it would charge everybody again. So
a rebuild closes the run before anything else, and opens it only when every item is as Stripe shows it:

    D rebuild_begun     a sealed note: from now on nothing but a rebuild may plan this run
      list              every account of the file once; the findings are held in memory
      compare           one disagreement with the file, and nothing is kept
    D run_planned       with rebuild_started in the same transaction: the run is on record and closed
    D each item         everything of one item in one commit
    D rebuild_finished  the run may be continued

Killed anywhere, the same command goes on: what an earlier rebuild recorded stays, only planned items are brought up.

A list is as old as its pages. That costs a request at most: whatever moved on meanwhile, the intent on record pays once
and says so when it is used, and an open that was still on its way is repeated under its own key, which gives the same
intent (a day later no list can have missed it).

What cannot be known any more: how many attempts an item had (the record says one, and counts one decline, so dunning
begins anew), when its answers came (`first_try` is when the intent was opened), why an intent that shows no attempt was
cancelled, and which items were refused or skipped without an intent: these look like items never begun. A payment
method that was left to the customer's default is the default of today. An account that the file no longer names is not
looked at: an item that was moved to another account since looks never begun, and is told as such.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from billing.core.entries import REBUILD_BEGUN, Known, Move, Note, RunRecord, RunStatus
from billing.core.errors import InvalidInput, Problem, UsageError
from billing.core.exits import Exit
from billing.core.findings import Findings
from billing.core.groups import TOUCHED
from billing.core.items import Run
from billing.core.redaction import scrub
from billing.core.states import State
from billing.edge.ledger import Ledger, LostRace
from billing.flow.charge import Goal
from billing.flow.decisions import SHOWN, decide_all, decisions
from billing.flow.desk import Desk
from billing.flow.inventory import Inventory, disagreements, item_of, take_inventory, wanted
from billing.flow.plan import keep, plan_offline
from billing.flow.planned import Asked, Plan, Source
from billing.flow.progress import Watch, unwatched
from billing.flow.report import PAID_TWICE
from billing.flow.retelling import given_up, moves_for
from billing.flow.run import has_work
from billing.flow.scout import Preflight, scout
from billing.flow.together import together
from billing.flow.trip import Trip

PAGE = 250
# Items brought up side by side: they share their commits.
EARLIER_DAYS = 31
# How long before its period a run may have been charged (in advance). A window that begins too late makes paid items
# look unpaid, one that begins too early costs a read for each hundred intents more: so it is generous.
EDGE_SECONDS = 86_400
# An intent as close as this to the beginning of the window says that there may be more before it.


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """What a rebuild is asked for.

    Attributes:
        since: the first day whose intents are listed; None means the default for a month's period.
        skip_accounts: accounts that cannot be listed any more and are given up: their items are never charged.
    """

    since: date | None = None
    skip_accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stray:
    """An intent beside the one on record; it was not touched.

    Attributes:
        paid: money moved by it although it is not the one on record: the payer was charged twice.
    """

    reference: str
    intent: str
    account: str
    status: str
    recorded: str
    paid: bool

    def __str__(self) -> str:
        """``INV-1: pi_2 (succeeded) on acct_N1, beside pi_1``."""
        return (
            f"{self.reference}: {self.intent} ({self.status}) on {self.account}, "
            f"beside {self.recorded or 'none on record'}"
        )


@dataclass(slots=True)
class Rebuilt:
    """What came of a rebuild.

    Attributes:
        run_id: of the run.
        since: the first moment whose intents were listed, or None when there was nothing to rebuild.
        inventory: what the lists showed.
        unopened: references of items without any intent; the next run charges them.
        unopened_totals: currency -> minor units of these.
        strays: intents that are on record nowhere and not cancelled, in the order of the file.
        warnings: sentences a person should read.
    """

    run_id: str
    since: datetime | None = None
    inventory: Inventory = field(default_factory=Inventory)
    unopened: list[str] = field(default_factory=list)
    unopened_totals: Counter[str] = field(default_factory=Counter)
    strays: list[Stray] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def exit(self) -> Exit:
        """A payer who was charged twice needs a person."""
        return Exit.DECLINES if any(stray.paid for stray in self.strays) else Exit.OK


async def rebuild(desk: Desk, source: Source, options: RebuildOptions, watch: Watch = unwatched) -> Rebuilt:
    """Bring the run of a file on record as Stripe shows it, or find that it is on record already.

    Args:
        desk: what the flow works with; nothing but ``GET`` is sent.
        source: the checked run file, the very one that was charged.
        options: from which day on, and without which accounts.
        watch: told after each account.

    Raises:
        UsageError: the window cannot be known or is empty, an account to skip is not in the file, the run belongs to
            another platform, or items of it are in flight in this ledger.
        InvalidInput: the file disagrees with what was charged; every disagreement is listed and nothing was kept.
        CredentialsError: accounts or key refuse; the run stays closed until a rebuild is complete.
        ProviderUnreachable: a list could not be read to its end; the same.
        LedgerError: the ledger failed.
    """
    run = source.run
    since = window(run, options.since, desk.clock.now())
    record = desk.ledger.run(run.run_id)
    if record is not None and not _is_wanting(desk.ledger, record):
        return Rebuilt(run.run_id)
    await desk.identify()
    if record is not None:
        desk.require_own(record)
    checked = plan_offline(source, desk.ledger, desk.platform, Asked(as_planned=True))
    want = wanted(checked, source, desk, options.skip_accounts)
    _require_known(options.skip_accounts, checked)
    await _close(desk, record, run, since)
    scouted = await scout(desk, source, Preflight.ACCOUNTS)
    stock = await take_inventory(desk, want, int(since.timestamp()), watch)
    _require_agreement(stock, checked, source, desk)
    if record is None:
        plan = decide_all(
            source, desk.ledger, desk.platform, _still_true(scouted.findings, stock, checked, source, desk)
        )
        await keep(plan, source, desk.ledger, RunStatus.REBUILDING)
    await _bring_up(desk, source, stock, options.skip_accounts)
    rebuilt = Rebuilt(run.run_id, since, stock, warnings=[*map(str, scouted.warnings), *_warnings(stock, run, since)])
    await _open(desk, rebuilt, source)
    return rebuilt


def window(run: Run, asked: date | None, now: datetime) -> datetime:
    """Return the first moment whose intents are listed: the beginning of a day in the run's time zone.

    Raises:
        UsageError: the period is no month and no day was given, or the day is still to come.
    """
    day = asked or _default_day(run)
    since = datetime.combine(day, time(), ZoneInfo(run.timezone))
    if since > now:
        raise UsageError(
            f"--since {day}: nothing can have been opened from then on; name the day the run began, or before"
        )
    return since


def _default_day(run: Run) -> date:
    month = re.fullmatch(r"([0-9]{4})-([0-9]{2})", run.period)
    if month is None:
        raise UsageError(
            f"period {run.period} is no month, so when its items were charged is not known: name a day before "
            "the first of them with --since YYYY-MM-DD"
        )
    return date(int(month[1]), int(month[2]), 1) - timedelta(days=EARLIER_DAYS)


def _is_wanting(ledger: Ledger, record: RunRecord) -> bool:
    """Tell whether a run on record lacks what a rebuild could bring: it was begun, or planned and not all started.

    Raises:
        UsageError: it was started here and items are in flight: this ledger knows better than a list what they are.
    """
    if record.status is RunStatus.REBUILDING:
        return True
    if not ledger.workload(record.run_id, (State.PLANNED,)):
        return False
    if record.started_at and ledger.workload(record.run_id, TOUCHED):
        raise UsageError(
            f"items of run {record.run_id} are in flight in this ledger: it is not lost. "
            f"Type billing resolve {record.run_id} first; nothing was sent"
        )
    return True


def _require_known(accounts: frozenset[str], plan: Plan) -> None:
    unknown = sorted(accounts - plan.accounts.keys())
    if unknown:
        raise UsageError(f"--skip-account {unknown[0]}: no item of the file is charged there")


async def _close(desk: Desk, record: RunRecord | None, run: Run, since: datetime) -> None:
    """See to it that nothing but a rebuild can start this run from now on."""
    if record is None:
        await desk.ledger.keep_lookups(REBUILD_BEGUN, {run.run_id: {"since": since.isoformat()}})
    elif record.status is not RunStatus.REBUILDING:
        await desk.ledger.note_run(run.run_id, Note.REBUILD_STARTED, RunStatus.REBUILDING)


def _require_agreement(stock: Inventory, plan: Plan, source: Source, desk: Desk) -> None:
    """Refuse a file that is not the one that was charged.

    Raises:
        InvalidInput: with every disagreement.
    """
    shown: list[Problem] = []
    total = 0
    for problem in disagreements(stock, plan, source, desk):
        total += 1
        if len(shown) < SHOWN:
            shown.append(problem)
    if total:
        raise InvalidInput(shown, total)


def _still_true(findings: Findings, stock: Inventory, plan: Plan, source: Source, desk: Desk) -> Findings:
    """Return the findings without those that would skip what was charged: accounts and customers change later."""
    accounts = {intent.account for found in stock.by_item.values() for intent in found}
    payers = {
        line.charge.customer
        for line, decision in decisions(plan, source, desk.ledger)
        if line.charge is not None and item_of(decision) in stock.by_item
    }
    return replace(
        findings,
        accounts={account: why for account, why in findings.accounts.items() if account not in accounts},
        defaults={payer: method for payer, method in findings.defaults.items() if method or payer not in payers},
        customers={payer: why for payer, why in findings.customers.items() if payer not in payers},
        prefixes={account: length for account, length in findings.prefixes.items() if account not in accounts},
    )


async def _bring_up(desk: Desk, source: Source, stock: Inventory, lost: frozenset[str]) -> None:
    """Record what was found of each item that is merely planned."""
    trip = Trip(desk, source.run.policies.dunning)
    shared = _shared_clones(stock)

    async def one(known: Known) -> None:
        found = stock.by_item.get(known.item)
        moves: Sequence[Move] = ()
        if found:
            moves = moves_for(trip, known, found[0], clone=found[0].clone not in shared)
        elif known.account in lost:
            moves = (given_up(known),)
        if moves:
            with suppress(LostRace):  # somebody else rebuilds it too, and read the same lists
                await trip.record(known, *moves)

    for page in _pages(desk.ledger, source.run.run_id, State.PLANNED):
        await together(*(partial(one, known) for known in page))


def _pages(ledger: Ledger, run_id: str, state: State) -> Iterator[list[Known]]:
    """Yield the items of a run that are in a state now, in pages; moving those of a page on is fine."""
    for account in ledger.workload(run_id, (state,)):
        row = 0
        while page := ledger.work(run_id, (state,), account, row, PAGE):
            row = page[-1].id
            yield page


def _shared_clones(stock: Inventory) -> set[str | None]:
    """Return what more than one item was paid with: no clone of ours (somebody used the Dashboard), so not recorded."""
    uses = Counter(found[0].clone for found in stock.by_item.values())
    return {clone for clone, count in uses.items() if count > 1}


def _warnings(stock: Inventory, run: Run, since: datetime) -> Iterator[str]:
    """Yield what may be wrong with the window or the run id: both make paid items look as if they were not."""
    earliest = stock.earliest
    if earliest is not None and earliest - since.timestamp() < EDGE_SECONDS:
        yield (
            f"the first intent was opened within a day of {since:%Y-%m-%d}, where the window begins: if the run began "
            "earlier, items of those days are paid and look as if they were not; then rebuild with an earlier --since"
        )
    others = Counter(intent.mark("billing_run") for found in stock.by_item.values() for intent in found)
    others.pop(run.run_id, None)
    for name, count in sorted(others.items()):
        yield f"{count} intents of these references were opened by run {scrub(name) or 'without a name'} and taken over"


async def _open(desk: Desk, rebuilt: Rebuilt, source: Source) -> None:
    """Count what is missing and what is too much, then let the run be continued."""
    rebuilt.strays += _strays(desk, rebuilt.inventory, source)
    for page in _pages(desk.ledger, rebuilt.run_id, State.PLANNED):
        for known in page:
            rebuilt.unopened.append(known.reference)
            rebuilt.unopened_totals[known.currency] += known.amount
    twice = [str(stray) for stray in rebuilt.strays if stray.paid]
    if twice:
        await desk.ledger.keep_lookups(PAID_TWICE, {rebuilt.run_id: {"found": twice}})
    facts = {
        "intents": rebuilt.inventory.intents,
        "unopened": len(rebuilt.unopened),
        "strays": len(rebuilt.strays),
        "paid_twice": twice,
        "since": "" if rebuilt.since is None else rebuilt.since.isoformat(),
    }
    status = RunStatus.STOPPED if has_work(desk.ledger, rebuilt.run_id, Goal.RUN) else RunStatus.FINISHED
    await desk.ledger.note_run(rebuilt.run_id, Note.REBUILD_FINISHED, status, facts)


def _strays(desk: Desk, stock: Inventory, source: Source) -> Iterator[Stray]:
    """Yield every intent of an item that is not the one on record and could take money, or has."""
    plan = plan_offline(source, desk.ledger, desk.platform, Asked(as_planned=True))
    for line, decision in decisions(plan, source, desk.ledger):
        known: Known | None = getattr(decision, "known", None)
        if line.charge is None or known is None:
            continue
        for intent in stock.by_item.get(known.item, ()):
            if intent.id != known.object_id and not intent.cancelled:
                recorded = known.object_id or ""
                yield Stray(known.reference, intent.id, intent.account, intent.status, recorded, intent.paid)
