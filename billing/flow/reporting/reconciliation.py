"""A comparison with Stripe as a page that somebody signs: of what was just read, or from the ledger alone."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from billing.core import wording
from billing.core.items import Mode
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kinds import HEADINGS
from billing.edge.pages.rendering import render
from billing.flow.reconciling import telling
from billing.flow.reconciling.compared import Comparison
from billing.flow.reconciling.telling import KindGroup
from billing.flow.reporting.payouts import Booked, PayoutPart

TEMPLATE, STYLE = "reconcile.html", "reconcile.css"
NO_BREAK = "\N{NO-BREAK SPACE}"
SHOWN = 100
# Findings of a kind on a page; what all of them change is in its sum.
ACCOUNTS_SHOWN, PAYOUTS_SHOWN = 500, 200
SUMMED = ("lines", "gross", "refunds", "disputes", "stripe_fee", "application_fee", "other", "net")
WAY = {"pending", "in_transit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a page says of where it comes from.

    Attributes:
        head: of the ledger when it was made.
        again: the command that makes it anew.
        pages: list pages read from Stripe for it; None where Stripe was not asked.
    """

    head: str
    again: str
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutTable:
    """Payouts with what they carry of these lines.

    Attributes:
        shown: those that failed first, then those on their way, then the others by the day they arrive.
        more: how many there are besides.
        carried, waiting: currency -> sums of what payouts carry, and of what none is known to carry.
    """

    shown: Sequence[PayoutPart]
    more: int
    carried: Mapping[str, Booked] = field(default_factory=dict)
    waiting: Mapping[str, Booked] = field(default_factory=dict)


def reconciliation_page(
    found: Comparison, parts: Sequence[PayoutPart], mode: Mode, proof: Proof, **more: Any  # noqa: ANN401  of a template
) -> Iterator[str]:  # fmt: skip
    """Stream the page of a comparison.

    Args:
        found: what was compared.
        parts: what payouts carry of it.
        mode: of its runs.
        proof: where it comes from.
        more: values for whoever extends the template.
    """
    return render(TEMPLATE, styles=(STYLE,), **(values_of(found, parts, mode, proof) | more))


def values_of(found: Comparison, parts: Sequence[PayoutPart], mode: Mode, proof: Proof) -> dict[str, Any]:
    """Return what the template of a comparison takes."""
    zone, payouts = zone_of(found), _table(parts)
    codes, findings = list(found.totals), found.findings
    moment = wording.moment(found.as_of.isoformat(), zone)
    accounts = telling.by_account(found)
    return {
        "found": found, "mode": mode, "zone": zone.key, "moment": moment, "proof": proof,
        "sentence": telling.sentence(found, _whole),
        "agreement": telling.agreement(found) if found.results else "",
        "checks": [("paid" if fine else "warn", says) for fine, says in telling.checks(found)],
        "still": _still(found),
        "single": codes[0] if len(codes) == 1 else "",
        "several_runs": len(found.scope.runs) > 1,
        "groups": telling.grouped(one for one in findings if one.effects),
        "others": telling.grouped(one for one in findings if not one.effects),
        "shown_of": _shown_of, "rest_of": _rest_of, "about": _about, "on": _day_in(zone),
        "statements": [
            (code, list(telling.to_net(sums)), list(telling.conversions(code, sums, _whole)),
             list(telling.to_bank(sums)))
            for code, sums in found.totals.items()
        ],
        "apart": _apart(found),
        "notes": list(telling.notes(found)),
        "payouts": payouts,
        "payout_heads": _heads(any(part.other for part in parts)),
        "other_rows": any(part.other for part in parts),
        "arrives": lambda second: wording.day(datetime.fromtimestamp(second, UTC).isoformat(), ZoneInfo("UTC")),
        "headings": HEADINGS,
        "anchors": _anchors(found, payouts),
        "accounts": accounts[:ACCOUNTS_SHOWN], "more_accounts": len(accounts) - len(accounts[:ACCOUNTS_SHOWN]),
        "attested": list(telling.attested(found, moment, _whole)),
        "read": telling.read_rows(found),
    }  # fmt: skip


def zone_of(found: Comparison) -> ZoneInfo:
    """Return the zone in which the days of a comparison are told: that of its first run."""
    return ZoneInfo(str(found.scope.runs[0].header.get("timezone") or "UTC") if found.scope.runs else "UTC")


def _still(found: Comparison) -> str:
    return "" if not found.open else f"{wording.counted(found.open, 'line')} still open: their money may move by itself"


def _apart(found: Comparison) -> list[tuple[str, list[tuple[str, int]], str]]:
    """Return the last rows of what explains a difference: words, amounts by currency, class."""
    apart = [(code, sums) for code, sums in found.totals.items() if sums.difference or sums.explained]
    return [
        ("Explained", [(code, sums.explained) for code, sums in apart], "sum"),
        ("Difference to explain", [(code, sums.difference) for code, sums in apart], ""),
        ("Unexplained", [(code, sums.unexplained) for code, sums in apart], "sum"),
    ]


def _whole(minor: int, currency: str) -> str:
    """Write an amount in a sentence, so that no line ends within it."""
    return wording.priced(minor, currency).replace(" ", NO_BREAK)


def _day_in(zone: ZoneInfo) -> Callable[[int], str]:
    return lambda second: wording.day(datetime.fromtimestamp(second, UTC).isoformat(), zone)


def _shown_of(group: KindGroup) -> Sequence[Finding]:
    return group.findings[:SHOWN]


def _rest_of(group: KindGroup) -> Sequence[tuple[str, int]]:
    """Return what the findings of a group that are not shown change, by currency."""
    rest: Counter[str] = Counter()
    for one in group.findings[SHOWN:]:
        rest.update(one.effects)
    return sorted(rest.items())


def _about(one: Finding) -> Sequence[tuple[str, int]]:
    """Return the money of a finding: what it changes, or what it is about."""
    if one.effects:
        return sorted(one.effects.items())
    return [(one.currency, one.amount)] if one.amount and one.currency else []


def _table(parts: Sequence[PayoutPart]) -> PayoutTable:
    carried = sorted((part for part in parts if part.payout), key=_rank)
    waiting = [part for part in parts if not part.payout]
    shown = carried[:PAYOUTS_SHOWN]
    return PayoutTable(
        shown=shown, more=len(carried) - len(shown), carried=_by_currency(carried), waiting=_by_currency(waiting)
    )


def _heads(others: bool) -> list[tuple[str, str]]:
    """Return the heads of the table of payouts; what has no row of its own has a column only where there is some."""
    kept = ["Charged", "Given back", "Stripe's fees", "Our fees", *(["Other"] if others else [])]
    return [("Payout", ""), *((words, "n") for words in (*kept, "Net of these lines", "Of others", "Payout's amount"))]


def _anchors(found: Comparison, payouts: PayoutTable) -> list[tuple[str, str]]:
    """Return the sections that a page has, in their order."""
    findings = found.findings
    there = {
        "difference": ("The difference", any(one.effects for one in findings)),
        "bank": ("From line to bank", found.totals),
        "also": ("Also to look at", any(not one.effects for one in findings) or any(telling.notes(found))),
        "payouts": ("Payouts", payouts.shown or payouts.waiting),
        "accounts": ("By account", telling.by_account(found)),
        "sign": ("Statement", True),
    }
    return [(anchor, words) for anchor, (words, some) in there.items() if some]


def _rank(part: PayoutPart) -> tuple[object, ...]:
    lost = part.failed and not part.repaid_by
    return (
        not lost,
        not part.failed,
        part.status not in WAY,
        part.arrives or 0,
        part.account,
        part.payout,
        part.currency,
    )


def _by_currency(parts: Sequence[PayoutPart]) -> dict[str, Booked]:
    found: dict[str, Booked] = {}
    for part in parts:
        total = found.setdefault(part.currency, Booked(account="", currency=part.currency))
        for name in SUMMED:
            setattr(total, name, getattr(total, name) + getattr(part, name))
    return dict(sorted(found.items()))
