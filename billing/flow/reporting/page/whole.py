"""What the page of a report is filled in with: section by section, those that have nothing to say left out."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from billing import __version__
from billing.core.records import RunRecord, RunStatus
from billing.core.wording import counted, moment, parsed
from billing.edge.ledger import Ledger
from billing.edge.logs import visible
from billing.flow.reporting.kindwords import WORDS, row_words
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.page.accounts import accounts_of
from billing.flow.reporting.page.agree import agreement_of, compared_again
from billing.flow.reporting.page.days import arrivals_chart, recovered_of
from billing.flow.reporting.page.listing import Entry
from billing.flow.reporting.page.money import money_of
from billing.flow.reporting.page.pace import pace_of
from billing.flow.reporting.page.parts import Parts
from billing.flow.reporting.page.people import more_reasons, needs_of, reasons_of, states_of
from billing.flow.reporting.page.proof import facts_of
from billing.flow.reporting.undone import undone
from billing.flow.reporting.verdict import UNDER_WAY, verdict_of

MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
SECTIONS = {
    "recovered": ("back", "Recovered"),
    "arrivals": ("bank", "Bank debits"),
    "accounts": ("accounts", "Accounts"),
    "agreement": ("agree", "Reconciled"),
    "pace": ("speed", "Speed"),
}
# Those that not every report has: their anchors, and what they are called in the list of sections.
NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
         "December")  # fmt: skip


def values_of(ledger: Ledger, overview: Overview, entries: Sequence[Entry], parts: Parts | None) -> dict[str, Any]:
    """Return what `report.html` takes, but for the rows of the list."""
    kind, compared = overview.record.kind, compared_again(ledger, overview)
    answer = verdict_of(overview, compared)
    found: dict[str, Any] = {
        "head": _head(overview, entries),
        "answer": answer,
        "claims": tuple((claim.holds, claim.says) for claim in answer.claims),
        "words": WORDS[kind],
        "money": money_of(overview),
        "undone": "" if overview.wanted.said else undone(ledger, overview.record),
        "needs": needs_of(overview),
        "reasons": reasons_of(overview),
        "more_reasons": more_reasons(overview),
        "accounts": accounts_of(overview),
        "states": tuple(states_of(overview)),
        "parts": parts,
        "recovered": recovered_of(overview),
        "arrivals": arrivals_chart(overview),
        "agreement": agreement_of(overview, compared),
        "pace": pace_of(overview),
        "proof": facts_of(overview),
    }
    return found | {"links": tuple(_links(found))}


def _links(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "money", found["head"]["first"]
    if found["needs"]:
        yield "person", f"Needs a person ({found['head']['need_lines']:,})"
    if found["reasons"]:
        yield "why", "Why"
    for section, (anchor, words) in SECTIONS.items():
        if found[section]:
            yield anchor, words
    yield "lines", "All lines"
    yield "proof", "Proof"


def _head(overview: Overview, entries: Sequence[Entry]) -> dict[str, Any]:
    record, kind = overview.record, overview.record.kind
    away = sum(reason.sum.lines for reason in overview.reasons)
    return {
        "title": visible(record.run_id),
        "mode": record.mode,
        "lines": tuple(visible(line) for line in _lines(overview)),
        "only": visible(f"lines of {overview.wanted.said}.") if overview.wanted.said else "",
        "first": "Money" if overview.currencies else "Lines",
        "explained": _explained(overview),
        "need_lines": overview.need_lines,
        "why": f"Why {counted(away, 'line')} {'is' if away == 1 else 'are'} not {WORDS[kind].done_short}",
        "all_lines": _all(entries),
        "lines_shown": len(entries),
        "example": entries[0].anchor if entries else "",
        "version": __version__,
        "command": shlex.quote(record.run_id),
    }


def _all(entries: Sequence[Entry]) -> str:
    return f"All {counted(len(entries), 'line')}" if len(entries) > 1 else counted(len(entries), "line")


def _explained(overview: Overview) -> str:
    said = ["Every line of the sheet is in exactly one row."]
    if len(overview.currencies) > 1:
        said.append("Currencies are never added together.")
    bare = overview.money.get("", {})
    if bare and overview.currencies:
        kind = overview.record.kind
        rows = ", ".join(f"{row_words(kind, row)} {each.lines:,}" for row, each in bare.items())
        said.append(f"{counted(sum(each.lines for each in bare.values()), 'more line')} without an amount: {rows}.")
    return " ".join(said)


def _lines(overview: Overview) -> Iterator[str]:
    """The lines under the title: what was run from which file, and when."""
    record = overview.record
    accounts = sum(1 for account in overview.accounts if account)
    parts = [f"{WORDS[record.kind].title} for {_period(record.period)}"]
    file = PurePath(str(record.header.get("file") or "")).name
    parts.append(", ".join(part for part in (file, counted(overview.sheet.lines, "line")) if part))
    if accounts:
        parts.append(counted(accounts, "connected account"))
    yield " · ".join(parts)
    yield " · ".join((_ran(record, overview), f"figures as of {moment(overview.as_of.isoformat(), overview.zone)}",
                      str(overview.zone)))  # fmt: skip


def _ran(record: RunRecord, overview: Overview) -> str:
    zone = overview.zone
    if not record.started_at:
        return f"Planned on {moment(record.planned_at, zone)}" if record.planned_at else "Not begun"
    begun = moment(record.started_at, zone)
    if record.status in UNDER_WAY:
        return f"Begun on {begun}, {'stopped' if record.status is RunStatus.STOPPED else 'still under way'}"
    began, ended = parsed(record.started_at, zone), parsed(record.finished_at, zone)
    if began is None or ended is None:
        return f"Run on {begun}"
    same = began.date() == ended.date()
    return f"Run on {begun} to {ended:%H:%M}" if same else f"Run from {begun} to {moment(record.finished_at, zone)}"


def _period(period: str) -> str:
    found = MONTH.fullmatch(period)
    return f"{NAMES[int(found[2]) - 1]} {found[1]}" if found else period
