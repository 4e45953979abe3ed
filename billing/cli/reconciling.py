"""Reconcile, and what may follow: what a person sees of it, and what a program reads."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from billing.cli.books import open_books
from billing.cli.options import Sending
from billing.cli.reconcile_view import as_text
from billing.cli.services import services_for
from billing.cli.session import ErrorStyle, Session
from billing.cli.tables import plural, priced
from billing.cli.terminal import is_terminal, prompt, write_err, write_json, write_out
from billing.cli.typed import again
from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.core.reconciling.findings import Finding
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import visible
from billing.edge.outputs import Target
from billing.flow.open_services import ServiceOptions
from billing.flow.reconciling.adopting import adopt
from billing.flow.reconciling.closing import Closed, closable, close_orphans
from billing.flow.reconciling.reconcile import Reconciled, reconcile
from billing.flow.reconciling.scope import Scope, scope_of
from billing.flow.report import known_run
from billing.flow.reporting.payouts import payouts_in
from billing.flow.reporting.reconciliation import Proof, reconciliation_page
from billing.flow.services import Services

TITLE = "reconcile"
SUFFIXES = (".txt", ".json", ".html")
EVERY = 25
# Accounts after which it is said how far a long look is.


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed: see the options of `billing reconcile`."""

    run: str | None
    period: str | None
    sending: Sending
    full: bool = False
    adopt: bool = False
    close: bool = False
    yes: bool = False
    target: Target | None = None

    def require_usable(self) -> None:
        """Refuse what cannot be carried out, before anything is opened.

        Raises:
            UsageError: not exactly a run or a period, or a file of a kind that nobody writes.
        """
        if (self.run is None) == (self.period is None):
            raise UsageError("name a run, or a period with --period, and not both")
        if self.target is not None:
            if self.target.path.suffix.lower() not in SUFFIXES:
                raise UsageError(
                    f"{visible(str(self.target.path))}: the suffix is none of {', '.join(SUFFIXES)}; name one"
                )
            self.target.check()


async def reconcile_and_tell(session: Session, asked: Asked) -> int:
    """Read, compare, print, and what was asked for besides; return the exit code."""
    mode = Mode.LIVE if asked.sending.live else session.settings.mode
    if asked.run is not None:
        async with open_books(session) as ledger:
            mode = known_run(ledger, asked.run).mode
    opening = ServiceOptions(mode, TITLE, live=asked.sending.live, wait=asked.sending.wait, making=Making.NEVER)
    async with services_for(session, opening) as services:
        scope = scope_of(services.ledger, mode, asked.run, asked.period)
        done = await _look(session, services, scope, full=asked.full)
        adopted = await _adopt(session, services, scope, done) if asked.adopt else None
        if adopted:
            done = await _look(session, services, scope, full=False)
        closed = await _close(services, scope, done, asked) if asked.close else None
        if closed and any(one.closed for one in closed):
            done = await _look(session, services, scope, full=False)
        _print(session, asked, services.ledger, mode, done, adopted, closed)
        return done.exit


async def _look(session: Session, services: Services, scope: Scope, *, full: bool) -> Reconciled:
    def watch(number: int, of: int) -> None:
        if number and number % EVERY == 0 and not ErrorStyle.json_log and is_terminal_err():
            write_err(f"{number:,} of {plural(of, 'account')} read")

    return await reconcile(services, scope, rate=session.settings.reconcile_rate, full=full, watch=watch)


def is_terminal_err() -> bool:
    """Whether a person reads stderr."""
    import sys

    return is_terminal(sys.stderr)


async def _adopt(session: Session, services: Services, scope: Scope, done: Reconciled) -> Sequence[str]:
    adopted = await adopt(services, scope, done.findings, session.settings)
    for reference in adopted:
        write_err(visible(f"{reference}: taken over as Stripe shows it"))
    return adopted


async def _close(services: Services, scope: Scope, done: Reconciled, asked: Asked) -> Sequence[Closed]:
    open_ones = closable(services, scope, done.findings)
    if not open_ones:
        write_err("No open payment without a line is to be closed.")
        return ()
    for one in open_ones:
        write_err(visible(f"  {_named(one)}"))
    question = f"Cancel {plural(len(open_ones), 'open payment')}? Type yes to go on, anything else to leave: "
    if not asked.yes and not prompt(question, "yes", "--yes"):
        write_err("Nothing was cancelled.")
        return ()
    closed = await close_orphans(services, scope, open_ones)
    for each in closed:
        write_err(visible(f"{each.intent} on {each.account}: {each.says}"))
    return closed


def _named(one: Finding) -> str:
    return f"{one.object} on {one.account}  {one.reference}  {priced(one.amount, one.currency)}  {one.stripe}"


def _print(
    session: Session,
    asked: Asked,
    ledger: Ledger,
    mode: Mode,
    done: Reconciled,
    adopted: Sequence[str] | None,
    closed: Sequence[Closed] | None,
) -> None:
    told = done.summary() | ({} if adopted is None else {"adopted": list(adopted)})
    if closed is not None:
        told |= {"closed": [one.as_facts() for one in closed]}
    zone = str(done.scope.runs[0].header.get("timezone") or "UTC") if done.scope.runs else "UTC"
    if asked.target is not None:
        match asked.target.path.suffix.lower():
            case ".json":
                asked.target.write([json.dumps(told, indent=1, ensure_ascii=False) + "\n"])
            case ".html":
                asked.target.write(_page(ledger, done, mode))
            case _:
                asked.target.write(_text(done, mode, zone))
        write_err(visible(f"{asked.target.path}: written"))
    if session.json:
        write_json(told)
    else:
        write_out(_text(done, mode, zone))


def _page(ledger: Ledger, done: Reconciled, mode: Mode) -> Iterator[str]:
    """Stream the page; with its head it says what the ledger was when everything was kept."""
    proof = Proof(head=done.head, again=again(adopt=False, close_orphans=False, full=False), pages=done.pages)
    return reconciliation_page(done, payouts_in(ledger, done.scope.names), mode, proof)


def _text(done: Reconciled, mode: Mode, zone: str) -> Iterator[str]:
    return (visible(line).rstrip() + "\n" for line in as_text(done, mode, zone))
