"""Lines of a run gathered under what they have in common: what helps them, why they are not paid, their account."""

from collections import Counter
from dataclasses import dataclass, field

from billing.core.tones import NOT_CHARGED
from billing.flow.outturn import Totals
from billing.flow.reporting.deeds import DEEDS, Deed, deed_of, title_of
from billing.flow.reporting.lines import Line
from billing.flow.reporting.sums import Sum, summed

SHOWN = 100
# Lines that a group shows in a report; the others are in its file of all lines.


@dataclass(slots=True)
class Need:
    """Lines that the same deed helps.

    Attributes:
        what_to_do: the deed, as the report's lines say it.
        row: of the outturn, of the first of them.
        sum: of all.
        reasons: sentence -> lines; of more than `SHOWN` sentences those that came first, the others under "".
        shown: the first `SHOWN` of them, in the order of the sheet.
    """

    what_to_do: str
    row: str
    sum: Sum = field(default_factory=Sum)
    reasons: Counter[str] = field(default_factory=Counter)
    shown: list[Line] = field(default_factory=list)

    @property
    def deed(self) -> Deed:
        """What helps them, in a word."""
        return deed_of(self.what_to_do, self.row)

    @property
    def title(self) -> str:
        """The same as a heading."""
        return title_of(self.what_to_do, self.row)

    def add(self, line: Line) -> None:
        """Take in one line."""
        self.sum.add(line.amount, line.currency)
        reason = line.says
        self.reasons[reason if reason in self.reasons or len(self.reasons) < SHOWN else ""] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(line)


@dataclass(frozen=True, slots=True)
class Helped:
    """Needs that have a heading in common.

    Attributes:
        title: the heading.
        deed: what helps them.
        needs: the most lines first.
    """

    title: str
    deed: Deed
    needs: tuple[Need, ...]

    @property
    def means(self) -> str:
        """What a person reads below the heading; empty where the heading says all."""
        return DEEDS[self.deed].means if self.deed in DEEDS else ""

    @property
    def sum(self) -> Sum:
        """All of their lines."""
        return summed(need.sum for need in self.needs)


@dataclass(slots=True)
class Reason:
    """Lines that were declined, or not charged, for one reason.

    Attributes:
        code: of the reason; empty where none is known.
        says: its sentence.
        sum: of its lines.
        rows: row of the outturn -> lines.
    """

    code: str
    says: str
    sum: Sum = field(default_factory=Sum)
    rows: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class AccountLines:
    """The lines of one connected account.

    Attributes:
        account: its id; empty for lines that were set aside.
        rows: row of the outturn -> lines with their money.
    """

    account: str
    rows: dict[str, Sum] = field(default_factory=dict)

    @property
    def sheet(self) -> Sum:
        """All of them."""
        return summed(self.rows.values())

    @property
    def missing(self) -> Totals:
        """Currency -> minor units of what there was to charge and is not paid."""
        return summed(each for row, each in self.rows.items() if row not in NOT_CHARGED | {"paid"}).totals
