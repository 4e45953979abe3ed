"""The numbers an operator may set for a run, each with its unit and its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings checked before anything is sent. Amounts are minor units per currency (lower case)."""

    per_item: dict[str, int] = field(default_factory=dict)
    per_account: dict[str, int] = field(default_factory=dict)
    per_run: dict[str, int] = field(default_factory=dict)
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """Control totals that must match the file exactly. Amounts are minor units per currency."""

    items: int | None = None
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pacing:
    """How hard the provider may be pressed. None means the setting decides.

    Attributes:
        rate_share: the share (0-1] of Stripe's documented limits a run may use.
        per_account_rps: requests a second on one connected account.
        concurrency: requests in flight at once.
    """

    rate_share: float | None = None
    per_account_rps: float | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Dunning:
    """When a declined item may be tried again: the gaps after the first, second, ... decline; empty means never."""

    soft: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
    hard: tuple[timedelta, ...] = ()

    def to_facts(self) -> dict[str, list[int]]:
        """Return the gaps in seconds, as the ledger keeps them with the run."""
        return {
            name: [int(gap.total_seconds()) for gap in gaps]
            for name, gaps in (("soft", self.soft), ("hard", self.hard))
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Sequence[int]]) -> "Dunning":
        """Return the schedule that `to_facts` wrote."""
        return cls(*(tuple(timedelta(seconds=gap) for gap in facts[name]) for name in ("soft", "hard")))


@dataclass(frozen=True, slots=True)
class StopOn:
    """The guards that stop a run (exit 6).

    Attributes:
        decline_rate: stop when more than this share of the last ``after_items`` charges declined (a wrong file, or
            card testing). 1.0 switches the guard off. (flow/README.md, "What stops a run")
        after_items: the size of that window, and the fewest charges before the guard may act.
        same_error: stop after this many items in a row failed with one and the same refusal.
    """

    decline_rate: float = 0.5
    after_items: int = 50
    same_error: int = 25

    def to_facts(self) -> dict[str, float | int]:
        """Return them as the ledger keeps them with the run."""
        return {"decline_rate": self.decline_rate, "after_items": self.after_items, "same_error": self.same_error}


@dataclass(frozen=True, slots=True)
class Notification:
    """Where to send a summary. ``webhook`` names an environment variable (``env:NAME``): addresses can be secret."""

    webhook: str
    on: tuple[str, ...] = ("finished", "stopped")

    def to_facts(self) -> dict[str, object]:
        """Return it as the ledger keeps it with the run: the variable's name, never the address."""
        return {"webhook": self.webhook, "on": list(self.on)}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Notification":
        """Return the notification that `to_facts` wrote."""
        return cls(str(facts["webhook"]), tuple(facts["on"]))


@dataclass(frozen=True, slots=True)
class Approval:
    """When a second person must sign the plan. Amounts are minor units per currency."""

    required_over: dict[str, int] = field(default_factory=dict)
    two_person: bool = False
    valid_for: timedelta = timedelta(hours=24)


class Attitude(StrEnum):
    """What becomes of a run that differs from the ones before: it is told, must be accepted, is refused, or nothing."""

    TELL = "tell"
    ACK = "ack"
    REFUSE = "refuse"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Compare:
    """What of a run is held against the run before; see `core.variances.VARIANCES`.

    Attributes:
        changed_over: how far an amount may move unmentioned, in hundredths of a per cent.
        total_band: how far a total may lie above the highest or below the lowest of the runs before, likewise.
        lines_band: how far the number of lines may, likewise.
        runs: how many runs before give the highest and the lowest.
        new, gone, changed, first_on_account, total, lines: what becomes of the run, by variance.
    """

    changed_over: int = 20_00
    total_band: int = 15_00
    lines_band: int = 10_00
    runs: int = 1
    new: Attitude = Attitude.TELL
    gone: Attitude = Attitude.TELL
    changed: Attitude = Attitude.TELL
    first_on_account: Attitude = Attitude.TELL
    total: Attitude = Attitude.TELL
    lines: Attitude = Attitude.TELL


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything a run file may set beside its items."""

    control: Control = field(default_factory=Control)
    limits: Limits = field(default_factory=Limits)
    pacing: Pacing = field(default_factory=Pacing)
    dunning: Dunning = field(default_factory=Dunning)
    stop_on: StopOn = field(default_factory=StopOn)
    notify: tuple[Notification, ...] = ()
    approval: Approval | None = None
    compare: Compare = field(default_factory=Compare)
