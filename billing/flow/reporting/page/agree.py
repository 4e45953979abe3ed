"""What the last comparison with Stripe found: both sides by currency, and each difference with what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.core import dashboard
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.sums import Sums
from billing.core.records import RunRecord
from billing.core.wording import amount, counted, moment, priced
from billing.edge.ledger import Ledger
from billing.edge.logs import visible
from billing.flow.reconciling.compared import Comparison
from billing.flow.reconciling.telling import Check, agreement, checks, sentence
from billing.flow.reporting.comparison import comparison_of
from billing.flow.reporting.groups import SHOWN
from billing.flow.reporting.kindwords import first_up
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.page.parts import MOST


@dataclass(frozen=True, slots=True)
class FindingView:
    """A difference: its line and Stripe's object, what it changes, on which account, what it is and what helps."""

    name: str
    address: str
    effects: Mapping[str, int]
    account: str
    says: str
    deed: str


@dataclass(frozen=True, slots=True)
class Side:
    """Both sides of a currency, after fees, and how far they are apart."""

    currency: str
    ours: str
    theirs: str
    apart: str
    explained: str
    unexplained: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the section shows.

    Attributes:
        heading: what was found.
        told: when, how many lines agree, what was not read.
        checks: what was looked at.
        sides: by currency of settlement.
        findings: the first of them, what changes money first.
        others: how many more.
    """

    heading: str
    told: str
    checks: tuple[Check, ...]
    sides: tuple[Side, ...]
    findings: tuple[FindingView, ...]
    others: int


def compared_again(ledger: Ledger, overview: Overview) -> Comparison | None:
    """Compare the run with what is kept of Stripe, each difference by itself; None where that was never read.

    A run of more lines than stand on one page is left as it was compared: that takes longer than the rest of its page.
    """
    known = overview.proof is not None and overview.proof.compared is not None
    return comparison_of(ledger, overview.record) if known and overview.sheet.lines <= MOST else None


def agreement_of(overview: Overview, found: Comparison | None) -> Agreement | None:
    """Return what the last comparison found; None where there was none, or only a part of the run is shown."""
    compared = overview.proof.compared if overview.proof is not None else None
    if compared is None or overview.wanted.said:
        return None
    if found is not None:
        return _agreement(found, overview)
    told = f"{_when(compared.as_of, overview)}: {compared.matched:,} of {counted(compared.items, 'line')} agree."
    return Agreement(_heading(compared.discrepancies), told, (), (), (), compared.discrepancies)


def _agreement(found: Comparison, overview: Overview) -> Agreement:
    findings = found.findings
    return Agreement(
        _heading(len(findings)),
        f"{_when(found.as_of.isoformat(), overview)}: {agreement(found)} {sentence(found, priced)}",
        tuple(checks(found)),
        tuple(_side(code, one) for code, one in sorted(found.totals.items())),
        tuple(_finding(one, overview.record) for one in findings[:SHOWN]),
        max(0, len(findings) - SHOWN),
    )


def _side(code: str, one: Sums) -> Side:
    minors = (one.net_ours, one.net, one.difference, one.explained, one.unexplained)
    return Side(code.upper(), *(amount(minor, code) for minor in minors))


def _heading(count: int) -> str:
    return f"{counted(count, 'difference')} from Stripe" if count else "Nothing differs from Stripe"


def _when(as_of: str, overview: Overview) -> str:
    return f"Reconciled {moment(as_of, overview.zone)}"


def _finding(one: Finding, record: RunRecord) -> FindingView:
    return FindingView(
        visible(one.reference or one.object), dashboard.of_object(one.object, record.mode, one.account), one.effects,
        visible(one.account), visible(first_up(one.says)), visible(one.what_to_do),
    )  # fmt: skip
