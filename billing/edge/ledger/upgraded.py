"""What an upgrade of a ledger did, whichever database it is in."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did.

    Attributes:
        path: of the ledger, or what names it on a server.
        before, after: its version.
        kinds: that it knows now and did not know before, where it was of this version already.
        entries, items: how many it has.
        head: the chain's last mac (hex).
        kept: where the old file stays, None where nothing was carried over.
        warnings: what the operator should know.
    """

    path: str
    before: int
    after: int
    kinds: tuple[str, ...]
    entries: int
    items: int
    head: str
    kept: Path | None
    warnings: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return self.before != self.after or bool(self.kinds)
