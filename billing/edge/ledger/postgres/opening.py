"""Opening a ledger in PostgreSQL: is this the database, the key, the newest copy? Only then may it be written to.

What a file is checked for as a whole at every opening, `billing ledger verify` checks here: a database of many workers
is opened often, and grows. Checked at every opening to write are what the ledger says about itself, its schema with
all laws, the last entries of the own chain, that every chain ends where it says, and that the ledger still holds what
was last seen from here of any of them.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from billing.core.entries import Note
from billing.core.errors import LedgerDamaged, LedgerError, UsageError
from billing.edge.ledger.chain import entry_mac, meta_seal
from billing.edge.ledger.custody.keyfile import default_key_file, heads_folder, make_key
from billing.edge.ledger.custody.known_ledgers import Making, gone, others, predecessors, require_not_gone
from billing.edge.ledger.custody.witness import Witness, witnesses_of
from billing.edge.ledger.database import Made
from billing.edge.ledger.identity import (
    described,
    first_faults,
    key_of,
    missing,
    other_version,
    require_kinds,
    require_own,
)
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.moving import LAST_ENTRY, moved, require_here
from billing.edge.ledger.postgres import locks
from billing.edge.ledger.postgres.connecting import connect, first_line, named
from billing.edge.ledger.postgres.ledger import Opened, PostgresLedger
from billing.edge.ledger.postgres.locks import Claim
from billing.edge.ledger.postgres.names import SCHEMA
from billing.edge.ledger.postgres.reader import PostgresReader
from billing.edge.ledger.postgres.tables import (
    Chain,
    create_if_missing,
    differences,
    kinds_found,
    own_chain,
    version,
)
from billing.edge.ledger.rows import iso, millis
from billing.edge.ledger_url import shown

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

Clock = Callable[[], datetime]
LOOK_BACK = 1_000
# Numbers behind the end of the own chain within which its entries are checked at every opening.

# ruff: noqa: S608 - the only text put into these statements is the constant name of the schema
_ENDING = f"""SELECT seq, at, name, run, item, ver, chain, attempt, facts, mac FROM {SCHEMA}.entries
    WHERE seq > %s AND seq <= %s AND chain = %s ORDER BY seq"""
# One statement, hence one moment, for others go on writing.
_STRAYS = f"""SELECT chain, seq FROM {SCHEMA}.chains WHERE seq > 0 AND chain <> %s AND NOT EXISTS (
    SELECT FROM {SCHEMA}.entries WHERE entries.seq = chains.seq AND entries.chain = chains.chain
    AND entries.mac = chains.mac) ORDER BY chain"""


@dataclass(frozen=True, slots=True)
class Request:
    """How a ledger is wanted; see `billing.edge.ledger.opening.open_ledger`."""

    url: str
    named: str
    key_file: Path
    clock: Clock
    write: bool
    live: bool
    making: Making
    claim: Claim
    upgrade: bool
    moved: bool

    @property
    def heads(self) -> Path:
        """The folder of the witnesses."""
        return heads_folder(self.key_file)


async def open_ledger(
    url: str,
    *,
    key_file: Path | None,
    clock: Clock,
    write: bool = True,
    wait: float | None = None,
    live: bool = False,
    making: Making = Making.FIRST,
    inline: bool = False,
    upgrade: bool = False,
    moved: bool = False,
    environ: Mapping[str, str] = os.environ,
    claim: Claim,
) -> PostgresLedger:
    """Open the ledger in the database that a URL names; to write, make it if there is none.

    Args:
        url: ``postgresql://user@host:port/database``.
        claim: what is to be done with it, and by whom.
        key_file, clock, write, wait, live, making, inline, upgrade, environ: see
            `billing.edge.ledger.opening.open_ledger`.
        moved: take one that was copied elsewhere, to finish that.

    Raises:
        UsageError: the URL names no ledger, psycopg is not installed, or, in live mode, one would be made beside others
            unasked; or it was copied elsewhere.
        LedgerMissing: there is none to read, and none was ever seen there.
        LedgerHeld: another runner holds it.
        LedgerDamaged: it does not agree with itself, is older than what was last seen, or is gone altogether.
        LedgerError: the server, the database or the key cannot be used; the message says what helps.
    """
    request = Request(
        url, named(url), key_file or default_key_file(environ), clock, write, live, making, claim, upgrade, moved
    )
    conn = await _called(inline, connect, url, write=write, purpose=claim.purpose)
    try:
        if write:
            await _called(inline, _require_place, conn, request)
            await locks.acquire(conn, request.named, claim, wait)
        opened = await _called(inline, _open, conn, request)
        return PostgresLedger(opened, lambda: millis(clock()), inline=inline)
    except BaseException:
        conn.close()
        raise


async def _called(inline: bool, work: Callable[..., Any], *args: Any, **more: Any) -> Any:  # noqa: ANN401
    """Call what waits for the server, on a thread unless there shall be none."""
    return work(*args, **more) if inline else await asyncio.to_thread(work, *args, **more)


def _require_place(conn: "Connection", request: Request) -> None:
    """Refuse before anybody waits where nothing is to be made."""
    if _version(conn, request) is None:
        _require_makeable(request)


def _require_makeable(request: Request) -> None:
    """Refuse to make a ledger where one was seen, or where none is wanted.

    Raises:
        LedgerDamaged: one was seen here, and is gone or lies elsewhere now.
        LedgerMissing: none is to be made.
    """
    if request.making is not Making.ANEW:
        require_not_gone(request.heads, request.named)
    if not request.write or request.making is Making.NEVER:
        raise missing(request.named)


def _version(conn: "Connection", request: Request) -> int | None:
    import psycopg

    try:
        return version(conn)
    except UsageError as error:
        raise UsageError(f"{request.named}: {error}") from None
    except psycopg.Error as error:
        raise LedgerError(f"{request.named}: {first_line(error)}") from error


def _open(conn: "Connection", request: Request) -> Opened:
    """Check key and database, and return what a ledger needs."""
    import psycopg

    try:
        return _opened(conn, request)
    except psycopg.errors.InsufficientPrivilege as error:
        raise LedgerError(
            f"{request.named}: {first_line(error)}; let the owner of the database make or upgrade the ledger, and give "
            "this role what a runner needs (billing ledger roles)"
        ) from None
    except (psycopg.errors.UndefinedObject, psycopg.errors.UndefinedTable) as error:
        raise LedgerDamaged(f"{request.named}: {first_line(error)}; restore the newest copy") from error
    except psycopg.Error as error:
        again = "see to the server, then type the same again"
        raise LedgerError(f"{request.named}: {first_line(error)}; {again}") from error


def _opened(conn: "Connection", request: Request) -> Opened:
    found, warnings = _version(conn, request), list[str]()
    new = found is None
    if new:
        _require_makeable(request)
        warnings += gone(request.heads, request.named)
    beside = others(request.heads, request.named, request.making, live=request.live) if new else ()
    if new and not request.key_file.exists():
        make_key(request.key_file)
    key, more = key_of(request.named, request.key_file, live=request.live)
    warnings += more
    made = new and create_if_missing(conn, lambda: described(key, secrets.token_hex(16), iso(millis(request.clock()))))
    meta = _checked_meta(conn, request, key)
    left = moved(conn.execute(LAST_ENTRY).fetchone())
    if request.write and not request.moved:
        require_here(request.named, left)
    own = _own_chain(conn, request) if request.write else None
    witness = Witness(request.heads, meta["ledger"], request.named, own.number if own else 0)
    if own:
        _require_sound(conn, request, key, meta, own, witness)
        locks.enter(conn, request.claim)
        warnings += predecessors(request.heads, request.named, witness.ledger)
        warnings += filter(None, [witness.keep(own.head)])
    else:
        conn.close()
    return Opened(
        request.url, request.named, key, conn if own else None, own, request.claim, witness, tuple(warnings),
        Made(beside) if made else None, left,
    )  # fmt: skip


def _checked_meta(conn: "Connection", request: Request, key: bytes) -> dict[str, str]:
    """Return what the ledger says about itself; it is this key's, of this version and of these kinds.

    Raises:
        LedgerDamaged, LedgerError: it is not.
    """
    found = _version(conn, request)
    if found != VERSION:
        raise other_version(request.named, shown(request.url), found or 0)
    meta: dict[str, str] = dict(conn.execute(f"SELECT name, value FROM {SCHEMA}.meta").fetchall())
    require_own(request.named, meta, key, request.key_file)
    write = request.write and not request.upgrade
    require_kinds(request.named, shown(request.url), kinds_found(conn), write=write)
    return meta


def _own_chain(conn: "Connection", request: Request) -> Chain:
    return own_chain(conn, request.claim.chain)


def _require_sound(
    conn: "Connection", request: Request, key: bytes, meta: Mapping[str, str], own: Chain, witness: Witness
) -> None:
    """Refuse a database that is not as this program leaves it.

    Raises:
        LedgerDamaged: its schema is not this program's, what it says about itself was changed, or a chain does not end
            as it says, or lacks what was seen.
    """
    # Of all chains, before anything is read: what was seen by then is there, whoever goes on writing meanwhile.
    seen = [(each, each.seen()) for each in ([witness] if request.moved else witnesses_of(witness))]
    faults = [] if meta["seal"] == meta_seal(key, meta).hex() else ["meta: changed"]
    faults += [*differences(conn), *_ending_faults(conn, key, own)]
    faults += [_stray(*found) for found in conn.execute(_STRAYS, (own.number,)).fetchall()]
    with suppress(LedgerDamaged):
        faults += filter(None, [each.fault(PostgresReader(conn), head) for each, head in seen])
    if faults:
        raise LedgerDamaged(f"{request.named}: {first_faults(tuple(faults))}. Nothing is sent; it can still be read")


def _ending_faults(conn: "Connection", key: bytes, own: Chain) -> list[str]:
    """Return what is wrong with the last entries of a chain; the whole of it is for the full check."""
    head = own.head
    if head.seq == 0:
        return []
    rows = conn.execute(_ENDING, (head.seq - LOOK_BACK, head.seq, own.number)).fetchall()
    if not rows or rows[-1][0] != head.seq or rows[-1][-1] != head.mac:
        return [_stray(own.number, head.seq)]
    # What was written before an upgrade has another mac: the full check knows each.
    since = max((place for place, row in enumerate(rows) if row[2] == Note.LEDGER_UPGRADED), default=1)
    for before, row in pairwise(rows[max(since - 1, 0) :]):
        if row[-1] != entry_mac(key, before[-1], *row[:-1]):
            return [f"entry {row[0]}: does not continue the chain"]
    return []


def _stray(chain: int, seq: int) -> str:
    return f"chain {chain}: does not end at entry {seq}, as it says"
