"""A run and the lines of its file."""

from dataclasses import dataclass, field

from billing.core.items.item import Item, Kind, Mode
from billing.core.policies import Policies


@dataclass(frozen=True, slots=True)
class InputLine:
    """One data line of the input with what it means.

    Attributes:
        line: its 1-based physical line in the file, for messages and reports.
        cells: the texts as read, one per input column.
        item: what it asks for, or None when the line is invalid and was set aside.
        reason: why it was set aside; empty for a valid line.
    """

    line: int
    cells: tuple[str, ...]
    item: Item | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run file says about the run as a whole.

    Attributes:
        name: what is billed, such as ``coaching``.
        period: for which period, such as ``2026-11``; with the reference it names an obligation.
        run_id: ``name-period`` unless the operator chose otherwise; stable across restarts.
        timezone: IANA name in which days are meant.
        mode: test or live.
        columns: the input columns in input order, for the report.
        not_after: the last day (ISO date) on which this file may be run, or None.
        policies: the limits, guards and schedules that hold for it.
        currencies: the dated currency table the amounts were read with.
        kind: what fulfilling its items means.
        platform: the name of the platform that it is for, if the file says one.
    """

    name: str
    period: str
    run_id: str
    timezone: str
    mode: Mode
    columns: tuple[str, ...]
    not_after: str | None = None
    policies: Policies = field(default_factory=Policies)
    currencies: str = ""
    kind: Kind = Kind.CHARGE
    platform: str = ""
