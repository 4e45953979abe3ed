"""Whether what lies there is this key's ledger, of this program's version and kinds; if not, why, and what helps."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from billing.core.errors import LedgerDamaged, LedgerError, LedgerMissing
from billing.core.keys import SCHEME
from billing.edge.ledger.chain import key_check, meta_seal
from billing.edge.ledger.custody.keyfile import read_key
from billing.edge.ledger.kind_rows import VERSION, KindsFound

SELF_DESCRIPTION = frozenset({"ledger", "key_check", "scheme", "seal"})
# What every ledger says about itself; one that does not has been damaged.
FAULTS_SHOWN = 3
CARRIED_OVER = "carries it over and keeps the old file"


def described(key: bytes, ledger: str, created_at: str) -> dict[str, str]:
    """Return what a new ledger says about itself.

    Args:
        key: of its chain.
        ledger: its id.
        created_at: provider time, ISO 8601.
    """
    meta = {"ledger": ledger, "created_at": created_at, "scheme": str(SCHEME), "key_check": key_check(key)}
    return meta | {"seal": meta_seal(key, meta).hex()}


def require_own(named: str, meta: Mapping[str, str], key: bytes, key_file: Path) -> None:
    """Refuse a ledger that does not say what every one does, or that another key made.

    Raises:
        LedgerDamaged: it does not say its own name, key, scheme or seal.
        LedgerError: its key or its scheme is another.
    """
    if absent := sorted(SELF_DESCRIPTION - meta.keys()):
        raise LedgerDamaged(
            f"{named}: does not say its {' and '.join(absent)}; restore the newest copy. Nothing is sent"
        )
    if meta["key_check"] != key_check(key):
        raise LedgerError(
            f"{named}: {key_file} is not its key; set BILLING_LEDGER_KEY_FILE to the one it was made with"
        )
    if meta["scheme"] != str(SCHEME):
        raise LedgerError(f"{named}: its keys follow scheme {meta['scheme']}, this program's {SCHEME}")


def other_version(named: str, url: str, version: int) -> LedgerError:
    """Return what is said of a ledger of another version than this program's."""
    if 0 < version < VERSION:
        upgrade = asks_for_upgrade(url)
        return LedgerError(f"{named}: its schema is version {version}, this program's is {VERSION}. {upgrade}")
    return LedgerError(
        f"{named}: its schema is version {version}, this program knows {VERSION}; install the release that wrote it"
    )


def require_kinds(named: str, url: str, found: KindsFound, *, write: bool) -> None:
    """Refuse a ledger whose kinds of items are not this program's.

    Args:
        named: what messages call it.
        url: of it, as it may be shown.
        found: how its kinds differ.
        write: also refuse one that lacks a kind, or has one otherwise; what it holds can still be read.

    Raises:
        LedgerDamaged: a kind is not what this program knows under its name.
        LedgerError: a newer release wrote it, or it lacks a kind.
    """
    if found.newer:
        raise LedgerError(
            f"{named}: was written by a newer release, which knows {' and '.join(found.newer)}; install that one"
        )
    if found.changed and write:
        raise LedgerDamaged(
            f"{named}: {' and '.join(found.changed)} has not the table of states of this program. "
            "Nothing is sent; it can still be read"
        )
    if found.missing and write:
        kinds = " and ".join(found.missing)
        upgrade = asks_for_upgrade(url, f"then adds {kinds} to it")
        raise LedgerError(f"{named}: does not know {kinds} yet. {upgrade}")


def asks_for_upgrade(url: str, does: str = CARRIED_OVER) -> str:
    """Return the command that makes a ledger this program's, and what it does once it has checked it."""
    command = f"billing ledger upgrade --ledger {shlex.quote(url)}"
    return f"Type: {command}. It checks the ledger, {does}; nothing was sent"


def missing(named: str | Path) -> LedgerMissing:
    """Return that there is no ledger."""
    return LedgerMissing(f"{named}: there is no ledger yet; billing plan or billing run makes one")


def key_of(named: str | Path, key_file: Path, *, live: bool) -> tuple[bytes, list[str]]:
    """Return the key of a ledger, and warnings about who else can read it.

    Raises:
        LedgerError: there is none, or it cannot be used.
    """
    try:
        return read_key(key_file, live=live)
    except FileNotFoundError:
        hint = "set BILLING_LEDGER_KEY_FILE or restore it"
        raise LedgerError(f"{named}: the key of this ledger, {key_file}, is not there; {hint}") from None


def first_faults(faults: tuple[str, ...]) -> str:
    """Return the first faults of a check, as one sentence."""
    shown = "; ".join(faults[:FAULTS_SHOWN])
    return shown + (f"; and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else "")
