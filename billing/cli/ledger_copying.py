"""`billing ledger copy`: say how far it is, and what has become of both ledgers."""

import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from billing.cli.session import Session
from billing.cli.terminal import is_terminal, write_err, write_json, write_out
from billing.core.errors import UsageError
from billing.edge.ledger.copying.copy import Copied, copy_ledger
from billing.edge.ledger.opening import resolved
from billing.edge.ledger_url import has_password, shown
from billing.edge.logs import visible
from billing.edge.stripe.clock import ProviderClock


async def carry_out(session: Session, source: str, target: str, wait: float | None) -> None:
    """Copy, and print what was done.

    Raises:
        UsageError: a URL holds a password; or what `copy_ledger` raises.
    """
    settings = session.settings
    done = await copy_ledger(
        _typed(session, "FROM", source),
        _typed(session, "TO", target),
        key_file=settings.ledger_key_file,
        clock=ProviderClock().now,
        wait=wait,
        environ=session.environ,
        tell=_teller(session),
    )
    for warning in done.warnings:
        session.log("ledger_warning", level="warning", message=warning)
    if session.json:
        write_json(asdict(done))
    else:
        write_out("".join(visible(line) + "\n" for line in _told(done, resolved(target))))


def _typed(session: Session, name: str, url: str) -> str:
    """Return a URL as it is to be opened: one that the settings name as well may have its password there.

    Raises:
        UsageError: it holds a password itself.
    """
    if has_password(url):
        hint = "give it in PGPASSWORD or in ~/.pgpass"
        raise UsageError(f"{name}: holds a password, which everybody on the machine could read: {hint}")
    settings = session.settings
    return settings.ledger if settings.sources["ledger"] != "default" and shown(settings.ledger) == url else url


def _teller(session: Session) -> Callable[[str, int], None]:
    """Return what says how far a copy is: a line on a terminal that is written over, else nothing."""
    if session.json or not is_terminal(sys.stderr):
        return lambda _table, _rows: None

    def tell(what: str, rows: int) -> None:
        write_err(f"{what}: {rows:,} rows" if rows else what)

    return tell


def _told(done: Copied, target: str) -> Iterator[str]:
    if done.already:
        yield f"{done.place}: this ledger was copied there before; nothing to do"
        yield f"{done.entries:,} entries, {done.items:,} items"
    else:
        yield f"{done.place}: holds the ledger now, {done.entries:,} entries and {done.items:,} items, checked there"
        yield f"head of what was copied  {done.source_head}"
        yield f"head of the copy         {done.target_head}"
        yield f"head of the ledger now   {done.head}"
        yield f"{done.left}: stays to be read, and is never charged from again"
    url = shlex.quote(target)
    yield f"Next: name it from now on (ledger: {url} in billing.yaml, or export BILLING_LEDGER={url}), then"
    yield f"billing ledger verify --ledger {url}"
