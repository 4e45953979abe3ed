"""`billing ledger upgrade`: a ledger of an earlier release becomes one of this release.

A ledger that only lacks a kind of items gets its rows, in place and in one transaction. One of an earlier version is
checked by its own laws, carried over into a new file, checked by the new ones, and replaced; its witness goes on from
where it stood. Whatever cuts that off, the ledger lies there whole, and the same command finishes it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from billing.core.errors import LedgerDamaged, LedgerHeld
from billing.edge.ledger import Verification
from billing.edge.ledger.chain import Head
from billing.edge.ledger.custody.checksum import FileChecksum
from billing.edge.ledger.custody.keyfile import default_key_file, heads_folder
from billing.edge.ledger.custody.known_ledgers import Making, require_not_gone
from billing.edge.ledger.custody.location import (
    check_file_system,
    check_folder,
    check_one_name,
    check_private,
    ledger_path,
    mounts,
)
from billing.edge.ledger.custody.lock import acquire
from billing.edge.ledger.custody.witness import Witness
from billing.edge.ledger.identity import first_faults, key_of, missing
from billing.edge.ledger.kind_rows import VERSION
from billing.edge.ledger.rows import millis
from billing.edge.ledger.sqlite.chain_reads import read_head
from billing.edge.ledger.sqlite.connection import connect
from billing.edge.ledger.sqlite.identity import Place, check_meta, kept_as, require_version, unusable
from billing.edge.ledger.sqlite.layout import Layout, checked
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.edge.ledger.sqlite.upgrade import from_1, from_2, version_1, version_2
from billing.edge.ledger.sqlite.upgrade.replacing import (
    discard,
    fresh_draft,
    held_alone,
    recover,
    replace,
    require_free,
)
from billing.edge.ledger.upgraded import Upgraded

CarryOver = Callable[[sqlite3.Connection, sqlite3.Connection, bytes, int], Head]
STEPS: Mapping[int, tuple[Layout, CarryOver]] = {
    1: (version_1.LAYOUT, from_1.carry_over),
    2: (version_2.LAYOUT, from_2.carry_over),
}
# Earlier version -> what a sound one looks like, and how it becomes one of this version.


async def upgrade_ledger(
    url: str,
    *,
    key_file: Path | None,
    clock: Callable[[], datetime],
    wait: float | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Upgraded:
    """Make the ledger a URL names one of this release.

    Args:
        url, key_file, clock, wait, environ: as for `open_ledger`.

    Raises:
        UsageError: the URL names no ledger.
        LedgerMissing: there is none.
        LedgerHeld: a runner holds it, or another program has it open.
        LedgerDamaged: it does not agree with itself; it was left as it is.
        LedgerError: it was written by a newer release, or the place, the file or the key cannot be used.
    """
    place = Place(ledger_path(url), key_file or default_key_file(environ))
    check_folder(place.path, write=True)
    if not place.path.exists():
        require_not_gone(heads_folder(place.key_file), place.path)
        raise missing(place.path)
    warnings = check_file_system(place.path, mounts())
    lock = await acquire(place.path, purpose="ledger upgrade", since=clock(), wait=wait)
    try:
        key, more = key_of(place.path, place.key_file, live=False)
        warnings += [*more, *check_private(place.path, live=False)]
        if (before := _version(place)) != VERSION:
            return await asyncio.to_thread(_carried_over, place, key, before, millis(clock()), tuple(warnings))
    finally:
        lock.release()
    return await _given_kinds(url, place, clock, wait)


def _version(place: Place) -> int:
    try:
        recover(place.path)
        conn = connect(place.path, write=False)
        try:
            return require_version(conn, place, (*STEPS, VERSION))
        finally:
            conn.close()
    except sqlite3.Error as error:
        raise unusable(place.path, error) from error


async def _given_kinds(url: str, place: Place, clock: Callable[[], datetime], wait: float | None) -> Upgraded:
    """Open a ledger of this version, which checks it as before a run, and write the kinds that it lacks."""
    ledger = await open_ledger(
        url, key_file=place.key_file, clock=clock, wait=wait, purpose="ledger upgrade", making=Making.NEVER,
        upgrade=True,
    )  # fmt: skip
    try:
        kinds = await ledger.add_missing_kinds()
        entries, items = ledger.sizes()
        return Upgraded(str(place.path), VERSION, VERSION, kinds, entries, items, ledger.head, None, ledger.warnings)
    finally:
        await ledger.aclose()


def _carried_over(place: Place, key: bytes, before: int, at: int, warnings: tuple[str, ...]) -> Upgraded:
    """Check, carry over, check again, replace. Everything but the last leaves the ledger as it is."""
    layout, carry_over = STEPS[before]
    path, kept = place.path, kept_as(place.path, before)
    require_free(kept, path)
    if not kept.exists():
        check_one_name(path)
    try:
        witness, sound = _checked(place, key, layout)
        with held_alone(path) as old:
            if read_head(old).mac.hex() != sound.head:
                raise LedgerHeld(f"{path}: was written to meanwhile; type the same again")
            draft = fresh_draft(path)
            try:
                with closing(connect(draft, write=True)) as new:
                    new.execute("BEGIN IMMEDIATE")
                    head = carry_over(old, new, key, at)
                    new.execute("COMMIT")
                    new.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                    _require_same(path, sound, checked(new, key, [witness]))
                replace(path, draft, kept)
            finally:
                discard(draft)
    except sqlite3.Error as error:
        raise unusable(path, error, "it was left as it is; see to the disk, then type the same again") from error
    unkept = witness.keep(head)
    FileChecksum(heads_folder(place.key_file), key, path).keep()
    told, mac = (*warnings, *filter(None, [unkept])), head.mac.hex()
    return Upgraded(str(path), before, VERSION, (), sound.entries + 1, sound.items, mac, kept, told)


def _checked(place: Place, key: bytes, layout: Layout) -> tuple[Witness, Verification]:
    """Check a ledger by the laws of its version; nothing of it is changed.

    Raises:
        LedgerDamaged: it does not agree with itself, or lacks what was last seen.
    """
    conn = connect(place.path, write=False)
    try:
        meta = check_meta(conn, place, key, (layout.version,))
        witness = Witness(heads_folder(place.key_file), meta["ledger"], place.path)
        found = checked(conn, key, [witness], layout)
    finally:
        conn.close()
    if found.faults:
        raise LedgerDamaged(
            f"{place.path}: {first_faults(found.faults)}. It was left as it is; restore the newest copy. "
            "The release that wrote it can still report from it"
        )
    return witness, found


def _require_same(path: Path, old: Verification, new: Verification) -> None:
    """Refuse a copy that is not the whole ledger and sound.

    Raises:
        LedgerDamaged: the old ledger still lies there as it was.
    """
    faults = new.faults or () if (new.entries, new.items) == (old.entries + 1, old.items) else ("rows are missing",)
    if faults:
        raise LedgerDamaged(f"{path}: what was carried over is not sound: {first_faults(faults)}. It was left as it is")
