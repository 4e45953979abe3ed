"""List links: as a table, as JSON or as CSV, each line as soon as it is known."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, fields

from billing.cli.books import open_books
from billing.cli.options import Form, Sending
from billing.cli.services import services_for
from billing.cli.session import Session
from billing.cli.tables import plural
from billing.cli.terminal import write_err, write_out
from billing.core.cells import csv_line
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import visible
from billing.edge.stripe.found import LookupFailed
from billing.flow.linked import Linked, Listing, Whose, accounts_of, links, listing_of
from billing.flow.open_services import ServiceOptions

TITLE = "links"
MANY = 20
# Accounts from which on it is said beforehand how many requests a look takes.
NOBODY = "Nobody is subscribed by a run of this ledger."
NONE_OF_THEM = "No link is with what was named; billing links lists all."


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed: see the options of `billing links`."""

    whose: Whose
    form: Form
    sending: Sending
    offline: bool = False


@dataclass(slots=True)
class Counts:
    """What was listed: links, of which how many in trouble; accounts, of which how many could not be asked."""

    links: int = 0
    troubled: int = 0
    unread: int = 0

    @property
    def exit(self) -> Exit:
        """The exit code: a renewal that failed needs a person; what could not be read is to be asked for again."""
        if self.troubled:
            return Exit.DECLINES
        return Exit.UNFINISHED if self.unread else Exit.OK


async def list_links(session: Session, asked: Asked) -> int:
    """List, as it comes; return the exit code."""
    counts, write = Counts(), WRITERS[asked.form]
    async with _opened(session, asked) as (ledger, listing):
        accounts = accounts_of(ledger, _mode(session, asked), asked.whose)
        if listing is not None and len(accounts) >= MANY:
            write_err(f"{plural(len(accounts), 'account')} to list, at least a request each")
        found = links(ledger, accounts, asked.whose, listing)
        async for chunk in write(_told(found, counts)):
            write_out(chunk)
    if asked.form is Form.TEXT:
        write_out("".join(f"{line}\n" for line in _summed(counts, len(accounts), asked)))
    return counts.exit


@asynccontextmanager
async def _opened(session: Session, asked: Asked) -> AsyncIterator[tuple[Ledger, Listing | None]]:
    if asked.offline:
        async with open_books(session) as ledger:
            yield ledger, None
        return
    sending = asked.sending
    opening = ServiceOptions(
        _mode(session, asked), TITLE, live=sending.live, rate=sending.rate, making=Making.NEVER, plans=True
    )
    async with services_for(session, opening) as services:
        yield services.ledger, listing_of(services)


def _mode(session: Session, asked: Asked) -> Mode:
    return Mode.LIVE if asked.sending.live else session.settings.mode


async def _told(found: AsyncIterator[Linked | LookupFailed], counts: Counts) -> AsyncIterator[Linked]:
    """Pass links on and count them; what could not be read is said at once."""
    async for one in found:
        if isinstance(one, LookupFailed):
            counts.unread += 1
            write_err(visible(f"! an account could not be listed: {one.message or one.code} ({one.code})"))
            continue
        counts.links += 1
        counts.troubled += bool(one.trouble)
        yield one


async def _as_text(found: AsyncIterator[Linked]) -> AsyncIterator[str]:
    account = ""
    async for one in found:
        if one.account != account:
            account = one.account
            yield visible(account) + "\n"
        yield "".join(visible(line) + "\n" for line in _lines(one))


def _lines(one: Linked) -> Iterator[str]:
    until = f"ends {one.ends_at[:10]}" if one.ends_at else f"paid to {one.current_period_end[:10] or 'unknown'}"
    yield f"  {one.status or one.state:<18}  {until:<18}  {one.subscription}  {one.reference} of {one.run}"
    copied = f"{one.connected_customer} with {one.connected_payment_method}"
    yield f"    {one.customer} with {one.payment_method or 'no method'}, there {copied}"
    if one.trouble:
        tried = f", tried {plural(one.failed_attempts, 'time')}" if one.failed_attempts else ""
        yield f"    ! {one.trouble.replace('_', ' ')}{tried}: {one.what_to_do}"


async def _as_csv(found: AsyncIterator[Linked]) -> AsyncIterator[str]:
    yield csv_line(field.name for field in fields(Linked))
    async for one in found:
        yield csv_line(_cell(value) for value in asdict(one).values())


def _cell(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


async def _as_json(found: AsyncIterator[Linked]) -> AsyncIterator[str]:
    glue = "[\n"
    async for one in found:
        told = {name: None if value == "" else value for name, value in asdict(one).items()}
        yield glue + json.dumps(told, ensure_ascii=False)
        glue = ",\n"
    yield ("[" if glue == "[\n" else "\n") + "]\n"


WRITERS: Mapping[Form, Callable[[AsyncIterator[Linked]], AsyncIterator[str]]] = {
    Form.TEXT: _as_text,
    Form.CSV: _as_csv,
    Form.JSON: _as_json,
}


def _summed(counts: Counts, accounts: int, asked: Asked) -> Iterator[str]:
    if not counts.links:
        yield NOBODY if asked.whose == Whose() else NONE_OF_THEM
        return
    fine = "as the ledger has them; Stripe was not asked" if asked.offline else "no renewal has failed"
    failed = f"{plural(counts.troubled, 'renewal')} failed, or need a person" if counts.troubled else fine
    unread = f"; of {plural(counts.unread, 'account')} nothing is known" if counts.unread else ""
    yield f"{plural(counts.links, 'link')} on {plural(accounts, 'account')}: {failed}{unread}"
