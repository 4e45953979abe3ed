"""What `billing doctor` finds, a line for each thing."""

from dataclasses import dataclass
from enum import StrEnum

from billing.core.errors import BillingError
from billing.core.exits import Exit


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, what to do about it.

    ``permission`` is ``yes``, ``no`` or ``not tested`` for a permission of the key, else empty. ``platform`` names the
    one whose key, permissions and ledger it is about, where the settings name any.
    """

    verdict: Verdict
    about: str
    found: str
    do: str = ""
    exit_code: int = Exit.OK
    permission: str = ""
    platform: str = ""


def failed(about: str, error: BillingError) -> Finding:
    """Return the line for a thing that an error has stopped."""
    return Finding(Verdict.FAIL, about, str(error), exit_code=int(error.exit_code))
