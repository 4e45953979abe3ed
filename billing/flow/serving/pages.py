"""The pages, one function each: what an address asks for, read from the ledger, and given to a template."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from billing.core.errors import UsageError
from billing.core.kinds import LIVES
from billing.core.money import add_money
from billing.core.records import ReportLine, RunRecord, SheetTally
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.ledger.onlooking import AMOUNT_WINDOW
from billing.edge.serve.desk import FORM, LIVE, Page
from billing.flow.outturn import ROWS, row_of
from billing.flow.reporting.comparison import comparison_of
from billing.flow.reporting.kindwords import WORDS, first_up, row_words
from billing.flow.reporting.life import story_of
from billing.flow.reporting.life_page import STYLES, Places
from billing.flow.reporting.life_page import values_of as life_values
from billing.flow.reporting.overview import Sum, overview_of
from billing.flow.reporting.page.whole import values_of as report_values
from billing.flow.reporting.payouts import payouts_in
from billing.flow.reporting.reconciliation import STYLE, Proof
from billing.flow.reporting.reconciliation import values_of as compared_values
from billing.flow.serving.finding import MOST, find
from billing.flow.serving.lists import LOOKED_THROUGH, SHOWN, Row, row_for, rows_for, sheet_of
from billing.flow.serving.live import ATTENTION, EVENTS, Look, currencies_of, limits_of, nodes_of
from billing.flow.standing import WAITING, Standing, standing_of

MOST_RUNS = 100
# Of which the sums are shown on the first page; older ones are named.
Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page is made from.

    Attributes:
        ledger: seen at one moment.
        attendance: who was at which run right before.
        now: the time.
        query: what stands in the address.
        kept: gives what was gathered of a run under a name, and gathers it again after something was written about it.
        look: looks at a run that may be going on.
    """

    ledger: Ledger
    attendance: Attendance
    now: datetime
    query: Query
    kept: Callable[[str, RunRecord, Callable[[], dict[str, Any]]], dict[str, Any]]
    look: Callable[[RunRecord], Look]

    def run(self, name: str = "id") -> RunRecord | None:
        """Return the run that the address names, or None."""
        return self.ledger.run(self.query.get(name, ""))

    def common(self) -> dict[str, Any]:
        """Return what every page says at its foot."""
        return {"now": self.now.isoformat(), "utc": ZoneInfo("UTC")}


def zone_of(record: RunRecord) -> ZoneInfo:
    """Return the zone whose clocks a run is shown on."""
    return ZoneInfo(record.header.get("timezone") or "UTC")


def first_page(reading: Reading) -> Page:
    """Show all runs, the newest first."""
    records = reading.ledger.runs()
    standings = [standing_of(reading.ledger, record, reading.attendance) for record in records[:MOST_RUNS]]
    values = {"standings": [(each, zone_of(each.record), _words(each)) for each in standings]}
    return Page("serve/runs.html", values | reading.common() | {"older": records[MOST_RUNS:]}, allows=FORM)


def _words(standing: Standing) -> tuple[str, str]:
    """Return the tone of a run's state, and how it stands in words."""
    tones = {"running": "way", "finished": "paid", "stopped": "warn", "planned": "skip", WAITING: "skip"}
    return tones.get(standing.state, "unk"), first_up(standing.state)


def run_page(reading: Reading) -> Page | None:
    """Show the report of a run as it is now."""
    record = reading.run()
    if record is None:
        return None
    sheet = sheet_of(reading.ledger, record, 0, frozenset(), "")
    told = reading.kept("report", record, lambda: _reported(reading.ledger, record))
    values = told | _sheet_values(record, sheet.rows, sheet.after)
    return Page("serve/run.html", values | reading.common(), styles=("report.css", "serve.css"))


def _reported(ledger: Ledger, record: RunRecord) -> dict[str, Any]:
    return report_values(ledger, overview_of(ledger, record.run_id), (), None)


def _sheet_values(record: RunRecord, rows: Sequence[Row], after: int) -> dict[str, Any]:
    return {
        "record": record, "listed": rows, "after": after, "shown": SHOWN,
        "choices": [(code, first_up(row_words(record.kind, code))) for code in ROWS],
    }  # fmt: skip


def lines_page(reading: Reading) -> Page | None:
    """Show lines of a run, those of a state or an account if asked for, 200 a page."""
    record = reading.run()
    if record is None:
        return None
    query = reading.query
    state, account = query.get("state", ""), query.get("account", "").strip()
    after = int(query["after"]) if query.get("after", "").isdecimal() and len(query["after"]) < MOST_DIGITS else 0
    rows = frozenset({state}) if state in ROWS else frozenset()
    sheet = sheet_of(reading.ledger, record, after, rows, account)
    values = _sheet_values(record, sheet.rows, sheet.after) | {
        "state": state if rows else "", "account": account, "first": after == 0, "looked": sheet.looked,
        "whole": sheet.after == 0 or len(sheet.rows) == SHOWN, "most": LOOKED_THROUGH,
    }  # fmt: skip
    return Page("serve/lines.html", values | reading.common(), allows=FORM)


MOST_DIGITS = 12


def live_page(reading: Reading) -> Page | None:
    """Show a run that goes on."""
    record = reading.run()
    if record is None:
        return None
    look = reading.look(record)
    values = {
        "record": record, "nodes": nodes_of(look), "rows": tuple(ROWS), "currencies": currencies_of(look),
        "attention": [(code, more) for code, (_, more) in ATTENTION.items()], "limits": limits_of(record),
        "events": range(EVENTS), "zone": look.zone, "title": WORDS[record.kind].title,
        "holder": reading.attendance.holder, "running": look.running,
    }  # fmt: skip
    return Page("serve/live.html", values | reading.common(), styles=("serve.css", "live.css"), script="live.js",
                allows=LIVE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OnAccount:
    """What a run has on an account: its rows with their words and sums, and its first lines."""

    record: RunRecord
    zone: ZoneInfo
    rows: tuple[tuple[str, str, Sum], ...]
    listed: tuple[Row, ...]

    @property
    def lines(self) -> int:
        """How many lines that are."""
        return sum(each.lines for _, _, each in self.rows)


def account_page(reading: Reading) -> Page | None:
    """Show a connected account: its lines over all runs, and their sums."""
    account = reading.query.get("id", "")
    runs = [found for record in reading.ledger.runs() if (found := _on_account(reading.ledger, record, account)).rows]
    if not runs:
        return None
    values = {"account": account, "runs": runs, "mode": runs[0].record.mode, "shown": SHOWN}
    return Page("serve/account.html", values | reading.common())


def _on_account(ledger: Ledger, record: RunRecord, account: str) -> OnAccount:
    sums: dict[str, Sum] = {}
    for state, group, reason, currency, lines, amount in ledger.onlooker.account_sums(record.run_id, account):
        one = sums.setdefault(row_of(SheetTally(account, state, group, reason, currency, lines, amount)), Sum())
        one.lines += lines
        add_money(one.totals, amount, currency)
    rows = tuple((code, first_up(row_words(record.kind, code)), sums[code]) for code in ROWS if code in sums)
    items = ledger.onlooker.on_account(record.run_id, account, SHOWN) if rows else []
    listed = tuple(row_for(ReportLine(0, (), item, owned=True, reason="", detail=""), record) for item in items)
    return OnAccount(record, zone_of(record), rows, listed)


def customer_page(reading: Reading) -> Page | None:
    """Show a customer: their lines over all runs."""
    customer = reading.query.get("id", "")
    rows = rows_for(reading.ledger, reading.ledger.onlooker.of_payer(customer, SHOWN)) if customer else []
    if not rows:
        return None
    paid: dict[str, int] = {}
    for row in rows:
        if row.line.row == "paid" and LIVES[row.run.kind].recurs:
            add_money(paid, row.line.amount, row.line.currency)
    values = {"customer": customer, "listed": rows, "mode": rows[0].run.mode, "shown": SHOWN, "paid": paid}
    return Page("serve/customer.html", values | reading.common())


def search_page(reading: Reading) -> Page:
    """Look for what somebody has at hand."""
    found = find(reading.ledger, reading.query.get("q", ""))
    return Page(
        "serve/search.html", {"found": found, "most": MOST, "window": AMOUNT_WINDOW} | reading.common(), allows=FORM
    )


def item_page(reading: Reading) -> Page | None:
    """Show the whole life of an item."""
    record, reference = reading.run("run"), reading.query.get("reference", "")
    if record is None:
        return None
    try:
        story = story_of(reading.ledger, record, reference)
    except UsageError:  # the run has no such line
        return None
    head = story.head
    places = Places(
        _at("/run", id=head.run), _at("/account", id=head.account), _at("/customer", id=head.customer),
        lambda run, of: _at("/item", run=run, reference=of),
    )  # fmt: skip
    styles = ("serve.css", *STYLES)
    return Page("serve/item.html", life_values(story, places) | reading.common(), styles=styles)


def _at(path: str, **asked: str) -> str:
    return f"{path}?{urlencode(asked)}"


def differences_page(reading: Reading) -> Page | None:
    """Show how a run compared with Stripe the last time, from the ledger alone."""
    record = reading.run()
    if record is None:
        return None
    values = reading.kept("differences", record, lambda: _compared(reading.ledger, record))
    if not values:
        return Page("serve/uncompared.html", {"record": record} | reading.common())
    more = {"record": record, "line_address": lambda run, name: _at("/item", run=run, reference=name)}
    return Page("serve/reconcile.html", values | more | reading.common(), styles=(STYLE, "serve.css"))


def _compared(ledger: Ledger, record: RunRecord) -> dict[str, Any]:
    """Return what the page of a comparison takes; nothing where there was none."""
    found = comparison_of(ledger, record)
    if found is None:
        return {}
    proof = Proof(head=ledger.head, again=f"billing reconcile {record.run_id}")
    return compared_values(found, payouts_in(ledger, found.scope.names), record.mode, proof)


PAGES: Mapping[str, Callable[[Reading], Page | None]] = {
    "/": first_page,
    "/run": run_page,
    "/run/lines": lines_page,
    "/run/differences": differences_page,
    "/live": live_page,
    "/item": item_page,
    "/account": account_page,
    "/customer": customer_page,
    "/search": search_page,
}
# Path -> page.
