"""Rebuild the ledger of a run that was lost, from its file and from what Stripe shows of its intents; only reads.

The danger is a run that looks planned while its items are paid: past the key window it would charge everybody again. So
a rebuild closes the run before anything else, and opens it only when every item is as Stripe shows it:

    D rebuild_begun     a sealed note: from now on nothing but a rebuild may plan this run
      list              every account of the file once; the findings are held in memory
      compare           one disagreement with the file, and nothing is kept
    D run_planned       with rebuild_started in the same transaction: the run is on record and closed; where lines were
                        corrected or withdrawn, first a revision for each of their earlier generations (`backfill`)
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
looked at: an item that was moved to another account since looks never begun, and is told as such. Why a generation was
closed that another one followed, or who was to pay it where the file says otherwise by now, no intent tells.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

from billing.core.entries import ItemRecord, Move, Note
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.findings import Findings
from billing.core.items import Run
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.records import REBUILD_BEGUN, RunRecord, RunStatus
from billing.core.skips import CLOSED_BY_FILE, HELD_BY_ANOTHER
from billing.edge.ledger import Ledger, LostRace
from billing.flow.engine.gather import gather
from billing.flow.engine.goals import Goal
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.engine.worklist import has_work
from billing.flow.kinds.charge.preflight import look_up
from billing.flow.kinds.charge.rebuilding.agreement import require_agreement, still_true, stories
from billing.flow.kinds.charge.rebuilding.backfill import backfill
from billing.flow.kinds.charge.rebuilding.learning_returns import learn_returns
from billing.flow.kinds.charge.rebuilding.orphans import LeftOut, Orphan, strays
from billing.flow.kinds.charge.rebuilding.reconstruct import given_up, moves_for
from billing.flow.kinds.charge.rebuilding.stripe_listing import StripeListing, Wanted, take_inventory, wanted
from billing.flow.kinds.charge.rebuilding.window import window, window_warnings
from billing.flow.kinds.charge.steps import CHARGES
from billing.flow.planning.decisions import decide_all
from billing.flow.planning.plan import keep, plan_offline, record_of
from billing.flow.planning.planned import PARTIAL, Asked, Source
from billing.flow.planning.preflight import Preflight
from billing.flow.report import PAID_TWICE
from billing.flow.services import Services

AS_SHOWN = Asked(amend=True)
# Stripe's list shows what was sent, so a rebuild's plan takes up what is not on record yet; it closes nothing.
NAMED = 10
# References in a sentence.
PAGE = 250
# Items brought up side by side: they share their commits.


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """What a rebuild is asked for.

    Attributes:
        since: the first day whose intents are listed; None means the default for a month's period.
        skip_accounts: accounts that cannot be listed any more and are given up: their items are never charged.
    """

    since: date | None = None
    skip_accounts: frozenset[str] = frozenset()


@dataclass(slots=True)
class Rebuilt:
    """What came of a rebuild.

    Attributes:
        run_id: of the run.
        since: the first moment whose intents were listed, or None when there was nothing to rebuild.
        inventory: what the lists showed.
        unopened: references of items without any intent; the next run charges them.
        unopened_totals: currency -> minor units of these.
        earlier: how many generations before the ones that stand were opened and closed unpaid.
        withdrawn: references that the file has no more; all that was opened for them is closed.
        strays: intents that are on record nowhere and not cancelled, in the order of the file.
        left_out: lines that nothing charges, because intents are not closed that are not on record.
        warnings: sentences a person should read.
    """

    run_id: str
    since: datetime | None = None
    inventory: StripeListing = field(default_factory=StripeListing)
    unopened: list[str] = field(default_factory=list)
    unopened_totals: Counter[str] = field(default_factory=Counter)
    earlier: int = 0
    withdrawn: list[str] = field(default_factory=list)
    strays: list[Orphan] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def exit(self) -> Exit:
        """A payer who was charged twice needs a person, and so does a line that is left out."""
        return Exit.DECLINES if self.left_out or any(stray.paid for stray in self.strays) else Exit.OK


async def rebuild(services: Services, source: Source, options: RebuildOptions, watch: Watch = unwatched) -> Rebuilt:
    """Bring the run of a file on record as Stripe shows it, or find that it is on record already.

    Args:
        services: what the flow works with; nothing but ``GET`` is sent.
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
    since = window(run, options.since, services.clock.now())
    record = services.ledger.run(run.run_id)
    if record is not None and not _is_wanting(services.ledger, record):
        return Rebuilt(run.run_id)
    await services.identify()
    if record is not None:
        services.require_own(record)
    _require_same_file(source, services, record)
    want = wanted(source, services.platform, options.skip_accounts)
    _require_known(options.skip_accounts, source)
    await _close(services, record, run, since)
    looked_up = await look_up(services, source, Preflight.ACCOUNTS)
    stock = await take_inventory(services, want, int(since.timestamp()), watch)
    await learn_returns(services, stock)
    require_agreement(stock, source, services)
    await _keep_all(services, source, stock, still_true(looked_up.findings, stock, source, services))
    await _bring_up(services, source, stock, options.skip_accounts)
    rebuilt = Rebuilt(
        run.run_id, since, stock, warnings=[*map(str, looked_up.warnings), *window_warnings(stock, run, since)]
    )
    await _open(services, rebuilt, source, want)
    return rebuilt


async def _keep_all(services: Services, source: Source, stock: StripeListing, findings: Findings) -> None:
    """Put the run on record: what came before the items that stand, then the whole sheet.

    Raises:
        UsageError: an earlier rebuild that was cut short was made from another version of the file.
    """
    record = services.ledger.run(source.run.run_id)
    plan = decide_all(source, services.ledger, services.platform, findings, AS_SHOWN)
    told = list(stories(stock, source, services, plan.context))
    await backfill(services, source.run, record or record_of(plan, RunStatus.REBUILDING), told)
    if record is not None and not told and not record.header.get(PARTIAL):
        return
    if told:
        plan = decide_all(source, services.ledger, services.platform, findings, AS_SHOWN)
    if CLOSED_BY_FILE & plan.amendment.closing.keys():
        raise UsageError(
            f"an earlier rebuild of {source.run.run_id} was begun from another version of this file: repeat it with "
            "that one; nothing was sent but reads"
        )
    await keep(plan, source, services.ledger, RunStatus.REBUILDING)


def _is_wanting(ledger: Ledger, record: RunRecord) -> bool:
    """Tell whether a run on record lacks what a rebuild could bring: it was begun, or not all of it is here.

    Raises:
        UsageError: it was started here and items are in flight: this ledger knows better than a list what they are.
    """
    if record.status is RunStatus.REBUILDING:
        return True
    held = any(tally.reason_code in HELD_BY_ANOTHER for tally in ledger.tally(record.run_id))
    if not held and not ledger.workload(record.run_id, (State.PLANNED,)):
        return False
    if record.started_at and ledger.workload(record.run_id, CHARGE_LIFE.touched):
        raise UsageError(
            f"items of run {record.run_id} are in flight in this ledger: it is not lost. "
            f"Type billing resolve {record.run_id} first; nothing was sent"
        )
    return True


def _require_same_file(source: Source, services: Services, record: RunRecord | None) -> None:
    """Refuse a file that is not the one on record; what a rebuild cut short has kept so far says little about it.

    Raises:
        InvalidInput: with every difference.
    """
    if record is None or not record.header.get(PARTIAL):
        plan_offline(source, services.ledger, services.platform, Asked(as_planned=True))


def _require_known(accounts: frozenset[str], source: Source) -> None:
    unknown = accounts - {line.item.account for line in source.lines() if line.item} if accounts else ()
    if unknown:
        raise UsageError(f"--skip-account {min(unknown)}: no item of the file is charged there")


async def _close(services: Services, record: RunRecord | None, run: Run, since: datetime) -> None:
    """See to it that nothing but a rebuild can start this run from now on."""
    if record is None:
        await services.ledger.keep_lookups(REBUILD_BEGUN, {run.run_id: {"since": since.isoformat()}})
    elif record.status is not RunStatus.REBUILDING:
        await services.ledger.note_run(run.run_id, Note.REBUILD_STARTED, RunStatus.REBUILDING)


async def _bring_up(services: Services, source: Source, stock: StripeListing, lost: frozenset[str]) -> None:
    """Record what was found of each item that is merely planned."""
    ctx = CHARGES.context(services, source.run.policies)
    shared = _shared_clones(stock)

    async def one(item: ItemRecord) -> None:
        found = stock.of(item)
        moves: Sequence[Move] = ()
        if found:
            moves = moves_for(ctx, item, found[0], clone=found[0].clone not in shared)
        elif item.account in lost:
            moves = (given_up(item),)
        if moves:
            with suppress(LostRace):  # somebody else rebuilds it too, and read the same lists
                await ctx.record(item, *moves)

    for page in _pages(services.ledger, source.run.run_id, State.PLANNED):
        await gather(*(partial(one, item) for item in page))


def _pages(ledger: Ledger, run_id: str, state: State) -> Iterator[list[ItemRecord]]:
    """Yield the items of a run that are in a state now, in pages; moving those of a page on is fine."""
    for account in ledger.workload(run_id, (state,)):
        row = 0
        while page := ledger.work(run_id, (state,), account, row, PAGE):
            row = page[-1].id
            yield page


def _shared_clones(stock: StripeListing) -> set[str | None]:
    """Return what more than one item was paid with: no clone of ours (somebody used the Dashboard), so not recorded."""
    uses = Counter(found[0].clone for shown in stock.by_reference.values() for found in shown.values())
    return {clone for clone, count in uses.items() if count > 1}


async def _open(services: Services, rebuilt: Rebuilt, source: Source, want: Wanted) -> None:
    """Count what is missing and what is too much, then let the run be continued."""
    stock = rebuilt.inventory
    found = list(strays(services, stock, source))
    rebuilt.strays += [one for one in found if isinstance(one, Orphan)]
    rebuilt.left_out += [one for one in found if isinstance(one, LeftOut)]
    rebuilt.withdrawn += sorted(stock.by_reference.keys() - want.references)
    rebuilt.earlier = sum(len(shown) - 1 for shown in stock.by_reference.values())
    for page in _pages(services.ledger, rebuilt.run_id, State.PLANNED):
        for item in page:
            rebuilt.unopened.append(item.reference)
            rebuilt.unopened_totals[item.currency] += item.amount
    again = [reference for reference in rebuilt.unopened if reference in stock.by_reference]
    if again:
        rebuilt.warnings.append(_begun_anew(again))
    await _say_so(services, rebuilt)


def _begun_anew(references: Sequence[str]) -> str:
    more = f" and {len(references) - NAMED:,} more" if len(references) > NAMED else ""
    return (
        f"what was opened for {', '.join(references[:NAMED])}{more} had other content and was closed unpaid: the next "
        "run charges these as the file says now"
    )


async def _say_so(services: Services, rebuilt: Rebuilt) -> None:
    """Write down what was found; from then on the run may be continued."""
    twice = [str(stray) for stray in rebuilt.strays if stray.paid]
    if twice:
        await services.ledger.keep_lookups(PAID_TWICE, {rebuilt.run_id: {"found": twice}})
    facts = {
        "intents": rebuilt.inventory.intents,
        "unopened": len(rebuilt.unopened),
        "strays": len(rebuilt.strays),
        "paid_twice": twice,
        "since": "" if rebuilt.since is None else rebuilt.since.isoformat(),
    }
    status = RunStatus.STOPPED if has_work(services.ledger, CHARGES, rebuilt.run_id, Goal.RUN) else RunStatus.FINISHED
    await services.ledger.note_run(rebuilt.run_id, Note.REBUILD_FINISHED, status, facts)
