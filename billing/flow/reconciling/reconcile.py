"""Hold a run, or the runs of a period, against Stripe: account by account, each durable before the next begins."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiolimiter import AsyncLimiter

from billing.core.entries import Note
from billing.core.reconciling.comparing import AccountResult
from billing.core.reconciling.kept import OUTCOME
from billing.core.reconciling.sums import Sums
from billing.core.records import RunRecord
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.reconciling.compared import UNREAD, Comparison, Moved, compare_kept, moved_since
from billing.flow.reconciling.keeping import cursor_of, cursors_of, read_account
from billing.flow.reconciling.reading import Reader, Unread
from billing.flow.reconciling.scope import Scope, accounts_of, items_on, since
from billing.flow.report import EVER
from billing.flow.services import Services

FORMAT_VERSION = "1.0"
UNDER_WAY = "comparing"
# The kind of look-up that says when a comparison began that has not ended, by its scope.
GOES_ON = timedelta(hours=12)
# A comparison that was killed less than so long ago goes on; an older one begins anew.
IN_A_ROW = 3
# So many accounts after each other that do not answer are an outage: the rest is left for the next time.


Watch = Callable[[int, int], None]


def _unwatched(_done: int, _of: int) -> None:
    """Nobody looks on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled(Comparison):
    """What came of a comparison for which Stripe was read.

    Attributes:
        pages: list pages that this command has read; ``skipped`` accounts were read by a command before it.
        head: of the ledger, after everything was kept.
    """

    pages: int
    skipped: int = 0
    head: str = ""

    def summary(self) -> dict[str, Any]:
        """Return the object that ``--output json`` prints."""
        return {
            "format_version": FORMAT_VERSION,
            "scope": self.scope.name,
            "runs": [run.run_id for run in self.scope.runs],
            "as_of": self.as_of.isoformat(timespec="seconds"),
            "exit_code": int(self.exit),
            "accounts": len(self.results),
            "items": self.items,
            "matched": self.matched,
            "open": self.open,
            "discrepancies": [one.as_facts() for one in self.findings],
            "totals": {currency: sums.as_facts() for currency, sums in self.totals.items()},
            "by_account": [_account_facts(one) for _, one in sorted(self.results.items())],
            "unread": {name: {"code": one.code, "message": one.message} for name, one in sorted(self.unread.items())},
            "also": [
                {"account": name, "object": dispute, "payment_intent": intent, "says": "the bank asks about it"}
                for name, one in sorted(self.results.items())
                for intent, dispute in one.inquiries
            ],
            "left_out": list(self.scope.left_out),
            "pages": self.pages,
            "ledger_head": self.head,
        }


def _account_facts(one: AccountResult) -> dict[str, Any]:
    return {
        "account": one.account,
        "items": one.items,
        "matched": one.items - one.differing,
        "totals": {currency: sums.as_facts() for currency, sums in sorted(one.sums.items())},
        "payouts_by_hand": one.by_hand,
        "payouts_in_doubt": list(one.doubtful),
    }


@dataclass(slots=True)
class _Pass:
    """A comparison under way; ``moved`` is what went on since a command before it has read the first accounts."""

    services: Services
    scope: Scope
    name: str
    pace: AsyncLimiter
    full: bool
    results: dict[str, AccountResult] = field(default_factory=dict)
    unread: dict[str, LookupFailed] = field(default_factory=dict)
    moved: Moved = field(default_factory=dict)
    pages: int = 0
    skipped: int = 0


async def reconcile(
    services: Services, scope: Scope, *, rate: float, full: bool = False, watch: Watch = _unwatched
) -> Reconciled:
    """Read the accounts of a scope, compare them with the ledger, and keep what was found. Nothing changes at Stripe.

    Args:
        services: what the flow works with.
        scope: what is compared.
        rate: requests a second, beside whatever charges meanwhile.
        full: read everything once more, not only what is new since the last look.
        watch: told before each account how many are done, and of how many.

    Raises:
        UsageError: a run is another platform's.
        CredentialsError: the key is refused, or may not read what a comparison needs.
        LedgerError: the ledger failed.
    """
    await services.identify()
    for run in scope.runs:
        services.require_own(run)
    accounts = accounts_of(services.ledger, scope)
    pace = AsyncLimiter(max(rate, 1), max(1, 1 / rate))
    work = _Pass(services, scope, await _begun(services, scope, full=full), pace, full)
    read = [one for one in cursors_of(services.ledger, accounts).values() if one.look == work.name]
    work.moved = moved_since(services.ledger, scope, read)
    silent = 0
    for number, account in enumerate(accounts):
        watch(number, len(accounts))
        silent = silent + 1 if await _account(work, account) else 0
        if silent >= IN_A_ROW:
            work.unread |= dict.fromkeys(accounts[number + 1 :], work.unread[account])
            break
    return await _kept(work)


async def _begun(services: Services, scope: Scope, *, full: bool) -> str:
    """Return the name of this comparison: a new one, or that of one that was killed and goes on."""
    now = services.clock.now()
    before = services.ledger.lookups(UNDER_WAY, [scope.name], EVER).get(scope.name, {})
    number = int(before.get("number", 0))
    if before.get("began") and not full and now - datetime.fromisoformat(before["began"]) < GOES_ON:
        return f"{scope.name} {number}"
    number += 1
    await services.ledger.keep_lookups(UNDER_WAY, {scope.name: {"began": now.isoformat(), "number": number}})
    return f"{scope.name} {number}"


async def _account(work: _Pass, account: str) -> bool:
    """Read and compare one account; tell whether Stripe did not answer at all."""
    services, runs = work.services, work.scope.runs
    items = list(items_on(services.ledger, runs, account))
    start = since(items, runs, int(services.clock.now().timestamp()))
    cursor = cursor_of(services.ledger, account, start, full=work.full)
    if cursor.look == work.name:
        work.skipped += 1
        work.results[account] = compare_kept(services.ledger, work.scope, account, cursor, work.moved)
        return False
    reader = Reader(services.gateway, account, work.pace)
    try:
        cursor = await read_account(services, reader, cursor, items, _all_runs(services, runs[0]), work.name)
    except Unread as error:
        if error.failed.trouble is Trouble.CREDENTIALS:
            raise error.failed.as_error() from error
        work.unread[account] = error.failed
        services.log("account_not_read", account=account, reason_code=error.failed.code)
        return error.failed.trouble is Trouble.UNANSWERED
    finally:
        work.pages += reader.pages
    work.results[account] = compare_kept(services.ledger, work.scope, account, cursor, {})
    services.log("account_reconciled", account=account, pages=reader.pages)
    return False


def _all_runs(services: Services, like: RunRecord) -> list[RunRecord]:
    return [run for run in services.ledger.runs() if (run.platform, run.mode) == (like.platform, like.mode)]


async def _kept(work: _Pass) -> Reconciled:
    """Keep the outcome with the runs, and end the pass."""
    services, now = work.services, work.services.clock.now()
    done = _done(work, now)
    told = {
        "scope": work.scope.name,
        "as_of": now.isoformat(timespec="milliseconds"),
        "exit_code": int(done.exit),
        "items": done.items,
        "matched": done.matched,
        "discrepancies": len(done.findings),
        "totals": list(_lines(done.totals)),
    }
    for run in work.scope.runs:
        await services.ledger.note_beside(run.run_id, Note.RECONCILED, facts=told)
    names = dict.fromkeys([work.scope.name, *work.scope.names])
    unread = {name: [failed.trouble, failed.code] for name, failed in sorted(work.unread.items())}
    await services.ledger.keep_lookups(OUTCOME, {name: {**told, UNREAD: unread} for name in names})
    before = services.ledger.lookups(UNDER_WAY, [work.scope.name], EVER)[work.scope.name]
    await services.ledger.keep_lookups(UNDER_WAY, {work.scope.name: {**before, "began": ""}})
    return _done(work, now)


def _done(work: _Pass, now: datetime) -> Reconciled:
    return Reconciled(
        scope=work.scope, as_of=now, results=work.results, unread=work.unread, pages=work.pages, skipped=work.skipped,
        head=work.services.ledger.head,
    )  # fmt: skip


def _lines(totals: Mapping[str, Sums]) -> Iterator[str]:
    for currency, sums in totals.items():
        facts = {name: value for name, value in sums.as_facts().items() if isinstance(value, int)}
        yield f"{currency}: " + ", ".join(f"{name} {value}" for name, value in facts.items())
