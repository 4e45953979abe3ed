"""What a person sees of the settings: where the ledger really lies, and of the key only enough to recognise it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from billing.cli.session import Session
from billing.core.errors import BillingError, UsageError
from billing.core.redaction import scrub
from billing.edge.ledger.custody.keyfile import default_key_file
from billing.edge.ledger.opening import resolved
from billing.edge.secrets import GENERAL, load_key


@dataclass(frozen=True, slots=True)
class NamedPlatform:
    """One of the platforms that the settings name, with where it has its key and its ledger."""

    name: str
    account: str
    mode: str
    key: str
    source: str
    ledger: str

    @property
    def row(self) -> list[str]:
        """A row of a table."""
        return [self.name, self.account, self.mode, self.key, self.source, self.ledger]

    @property
    def facts(self) -> dict[str, Any]:
        """The same for a program."""
        key = {"value": self.key, "source": self.source}
        mode = None if self.mode == EITHER else self.mode
        return {"name": self.name, "platform": self.account, "mode": mode, "key": key, "ledger": self.ledger}


EITHER = "-"
# The mode of a platform whose table names none: runs of both may be for it.


def platforms_shown(sessions: Sequence[Session]) -> list[NamedPlatform]:
    """Return the platforms that could be meant; none where the settings name none."""
    return [_platform_shown(session) for session in sessions if session.settings.platform_name]


def _platform_shown(session: Session) -> NamedPlatform:
    settings = session.settings
    ledger = places(session).get("ledger", settings.texts["ledger"])
    mode = str(settings.bound_to or EITHER)
    return NamedPlatform(settings.platform_name, settings.platform or "", mode, *key_shown(session), scrub(ledger))


def places(session: Session) -> dict[str, str]:
    """Return where the ledger and its key really lie, whatever the settings leave to be understood."""
    settings = session.settings
    found = {}
    with suppress(BillingError):
        found["ledger"] = resolved(settings.ledger)
        found["ledger_key_file"] = str((settings.ledger_key_file or default_key_file(session.environ)).absolute())
    return found


def key_shown(session: Session) -> tuple[str, str]:
    """Return the key as it may be shown, and where it comes from; a key that cannot be used says why."""
    place = session.settings.key
    named = [name for name in GENERAL if session.environ.get(name)]
    if place is None and not named:
        return "-", "not set"
    source = " and ".join(f"env {name}" for name in named) if place is None else place.shown
    try:
        return str(load_key(session.environ, place)), source
    except UsageError as error:
        return f"unusable: {error}", source
