"""The ledgers of several platforms: each is opened once, whoever shares it, and one that cannot be stops no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.cli.session import Session
from billing.core.errors import BillingError, UsageError
from billing.core.exits import Exit
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Shelf:
    """One ledger, and whose runs of it are shown.

    Attributes:
        session: of a platform that keeps its runs there.
        names: platform account -> its name, for the platforms that do; empty where the settings name none.
        alone: whether runs of others are left out: somebody has chosen one platform.
    """

    session: Session
    names: Mapping[str, str]
    alone: bool = False

    def shows(self, record: RunRecord) -> bool:
        """Whether a run is one of those that are shown."""
        return not self.alone or record.platform in self.names

    def name_of(self, record: RunRecord) -> str:
        """Return the name of a run's platform; empty for one that has none."""
        return self.names.get(record.platform, "")

    def facts_of(self, record: RunRecord) -> dict[str, str]:
        """Return what a program wants to know of a run's platform."""
        return {"platform": record.platform, "platform_name": self.name_of(record)}

    def require(self, record: RunRecord) -> None:
        """Refuse a run of another platform than the one that is chosen.

        Raises:
            UsageError: it is one.
        """
        if not self.shows(record):
            (name,) = self.names.values()
            raise UsageError(f"run {record.run_id} belongs to {record.platform}, which is not platform {name}")

    def runs(self, ledger: Ledger) -> list[RunRecord]:
        """Return the runs that are shown, those of one platform together."""
        found = [record for record in ledger.runs() if self.shows(record)]
        order = {account: number for number, account in enumerate(self.names)}
        return sorted(found, key=lambda record: order.get(record.platform, len(order))) if self.names else found


@dataclass(frozen=True, slots=True)
class Unread:
    """A ledger that could not be looked at: whose, and why."""

    names: tuple[str, ...]
    error: BillingError

    @property
    def sentence(self) -> str:
        """One line for a person."""
        return f"{', '.join(self.names)}: cannot be read: {self.error}"


@dataclass(slots=True)
class View:
    """What there is to show.

    Attributes:
        lines: of stdout.
        unread: ledgers that could not be looked at.
        running: whether any run that is shown is going on.
    """

    lines: list[str]
    unread: tuple[Unread, ...] = ()
    running: bool = False

    @property
    def exit(self) -> int:
        """The code of the first ledger that could not be looked at."""
        return next((int(each.error.exit_code) for each in self.unread), Exit.OK)


def shelves_of(sessions: Sequence[Session]) -> tuple[Shelf, ...]:
    """Return the ledgers of the platforms that could be meant, in their order, each with all that share it."""
    alone = len(sessions) == 1 and bool(sessions[0].settings.platform_name)
    shared: dict[tuple[str, str], list[Session]] = {}
    for session in sessions:
        settings = session.settings
        shared.setdefault((str(settings.values["ledger"]), settings.texts["ledger_key_file"]), []).append(session)
    return tuple(
        Shelf(first, {**_name(first), **{key: name for each in others for key, name in _name(each).items()}}, alone)
        for first, *others in shared.values()
    )


def _name(session: Session) -> dict[str, str]:
    settings = session.settings
    return {str(settings.platform): settings.platform_name} if settings.platform_name else {}


def only_one(found: Sequence[tuple[Shelf, View]], unread: Sequence[Unread], run_id: str) -> View:
    """Return the look at a run that one of the ledgers has; ledgers that could not be looked at may have it, too.

    Raises:
        UsageError: several have it, or none of them has.
        BillingError: none has it, and the one that may could not be looked at.
    """
    if len(found) > 1:
        names = ", ".join(name for shelf, _ in found for name in shelf.names.values())
        raise UsageError(f"several ledgers have a run {run_id!r} ({names}): say which, with --platform NAME")
    if not found and unread:
        raise unread[0].error
    if not found:
        raise UsageError(f"no ledger of the platforms has a run {run_id!r} (billing status lists those there are)")
    view = found[0][1]
    view.unread = tuple(unread)
    return view
