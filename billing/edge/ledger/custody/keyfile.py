"""The key of the chain: 32 random bytes in a file of their own, away from the ledger they protect."""

import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from billing.core.errors import LedgerError
from billing.edge.ledger.custody.location import PRIVATE, check_private
from billing.edge.smallfile import NotRead, one_line, read_small

KEY_BYTES = 32
MOST_BYTES = 4096
# Of its file: 64 digits, and whatever blanks an editor left around them.


def default_key_file(environ: Mapping[str, str]) -> Path:
    """Return the user's own key file.

    Raises:
        LedgerError: there is no HOME to put it under.
    """
    base = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if (home := environ.get("HOME")) else "")
    if not base:
        raise LedgerError("there is no HOME to keep the ledger's key under; set BILLING_LEDGER_KEY_FILE")
    return Path(base) / "connect-billing" / "ledger.key"


def link_key(key: bytes) -> bytes:
    """Return the key that signs the links of payers: made of the ledger's key, which it does not give away.

    Whoever serves the links needs the ledger anyway; a key of their own would be one more to keep and to lose.
    """
    return hmac.digest(key, b"connect-billing links of payers, version 1", "sha256")


def heads_folder(key_file: Path) -> Path:
    """Return the folder beside a key where the witnesses of its ledgers are kept."""
    return key_file.parent / "heads"


def read_key(path: Path, *, live: bool) -> tuple[bytes, list[str]]:
    """Return the key and warnings about who else can read it. A mounted secret may be a link and readable by its group.

    Raises:
        FileNotFoundError: there is none.
        LedgerError: it is unreadable, not a key, or, in live mode, open to others.
    """
    try:
        content, _ = read_small(path, MOST_BYTES)
        text = one_line(content)
        warnings = check_private(path, live=live, mask=0o027)
    except NotRead as error:
        raise LedgerError(f"{path}: the ledger's key {error}") from None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise LedgerError(f"{path}: is no ledger key, which is {2 * KEY_BYTES} hexadecimal digits")
    return key, warnings


def make_key(path: Path) -> None:
    """Make a new key only its owner can read, whole or not at all; another process that was faster wins.

    Raises:
        LedgerError: it cannot be made there.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, PRIVATE)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)  # unlike a rename, this never replaces a key
        draft.unlink()
    except OSError as error:
        raise LedgerError(
            f"{path}: the ledger's key cannot be made there ({error.strerror}); set BILLING_LEDGER_KEY_FILE"
        ) from error
