"""A statement as its owner reads it: the answer in sentences of its numbers, then tables that add up to them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from billing.core import wording
from billing.core.items import Kind, Mode
from billing.core.owner_words import NOUNS
from billing.core.periods import in_words
from billing.core.reconciling.kinds import Place
from billing.flow.reporting.overview import Sum
from billing.flow.reporting.statement import Carried, Entry, Settled, Statement, Where, payout_words

MOST_LISTED = 2_000
# Lines on a page; the CSV beside it has all.
INDEX_NAMES = (
    "lines", "asked", "paid", "charged", "refunded", "disputed", "stripe_fees", "platform_fees", "other", "net",
    "arrived", "on_its_way", "waiting", "came_back",
)  # fmt: skip
# Sums of an account in one currency: of its lines as customers are asked, then as its balance was settled. They add up:
# charged to other make the net, arrived to came back are where it is.
WHERE_SAID: Mapping[Where, str] = {
    Where.ARRIVED: "Arrived at your bank",
    Where.ON_ITS_WAY: "On its way to your bank",
    Where.WAITING: "Not in a payout yet",
    Where.CAME_BACK: "Back on your balance: a payout failed",
}


def sum_cells(sheet: Sum, paid: Sum, settled: Settled, currency: str) -> list[str | int]:
    """Return the sums under `INDEX_NAMES`: counts as texts, amounts as minor units, what was kept negative."""
    places, where = settled.places, settled.where
    return [
        str(sheet.lines), sheet.totals[currency], paid.totals[currency], places[Place.CHARGED],
        places[Place.REFUNDED], places[Place.DISPUTED], -settled.stripe, -settled.platform, settled.other,
        settled.net, *(where[each] for each in Where),
    ]  # fmt: skip


def opening(statement: Statement) -> Iterator[str]:
    """Yield the answer: what was paid, why less than that is left, and when it arrives."""
    noun, lines = NOUNS[statement.record.kind], len(statement.lines)
    done = sum(entry.paid for entry in statement.lines)
    money = f": {wording.several(statement.paid.totals, ' and ')}" if done else ""
    verb = "was" if lines == 1 else "were"
    yield f"{done:,} of {lines:,} {noun.one if lines == 1 else noun.many} {verb} {noun.done}{money}."
    for currency, sums in sorted(statement.settled.items()):
        yield from _kept(sums, currency, statement.record.kind)
        yield from _arriving(sums, currency)
    if statement.unbooked and statement.settled:
        yield (
            f"For {wording.counted(statement.unbooked, 'of these', 'of these')} Stripe's fees and the payout are not "
            "known yet."
        )
    elif statement.unbooked:
        yield "Stripe's fees and the payouts are not known yet."


def _kept(sums: Settled, currency: str, kind: Kind) -> Iterator[str]:
    """Yield the way from what was charged to what is left."""
    taken = [
        (sums.stripe, "Stripe kept"), (sums.platform, "the platform kept"),
        (-sums.places[Place.REFUNDED] if kind is not Kind.REFUND else 0, "customers were given back"),
        (-sums.places[Place.DISPUTED], "banks took back for customers"), (-sums.other, "other entries took"),
    ]  # fmt: skip
    parts = [f"{words} {wording.amount(minor, currency)}" for minor, words in taken if minor]
    net = wording.priced(sums.net, currency)
    if kind is Kind.REFUND:
        took = wording.priced(-sums.places[Place.REFUNDED], currency)
        more = f", and {_listed(parts)}" if parts else ""
        yield f"{took} went back to customers{more}: your balance changed by {net}."
    elif parts:
        begun = wording.priced(sums.places[Place.CHARGED], currency)
        yield f"Of {begun} booked for payments, {_listed(parts)}. {net} is yours."
    else:
        yield f"Nothing was kept of it: {net} is yours."


def _arriving(sums: Settled, currency: str) -> Iterator[str]:
    """Yield where that is."""
    where = sums.where
    said = []
    if where[Where.ARRIVED]:
        said.append(f"{wording.priced(where[Where.ARRIVED], currency)} has arrived at your bank")
    if where[Where.ON_ITS_WAY] and sums.next_arrival is not None:
        said.append(
            f"{wording.priced(where[Where.ON_ITS_WAY], currency)} is to arrive from {_day(sums.next_arrival)} on"
        )
    waiting = where[Where.WAITING]
    if waiting > 0 and sums.available is not None:
        said.append(
            f"{wording.priced(waiting, currency)} is in no payout yet and available from {_day(sums.available)} on"
        )
    if waiting < 0:
        said.append(f"{wording.priced(-waiting, currency)} is still to be taken from your next payouts")
    if where[Where.CAME_BACK]:
        said.append(
            f"{wording.priced(where[Where.CAME_BACK], currency)} came back from your bank and is on your balance: "
            "see in Stripe whether your bank details are right"
        )
    if said:
        yield f"{_listed(said)}."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _day(seconds: int) -> str:
    """Write the day that Stripe names for an arrival, as its midnight in UTC."""
    return wording.day(datetime.fromtimestamp(seconds, UTC).isoformat(), ZoneInfo("UTC"))


def page_of(statement: Statement, csv: str) -> dict[str, Any]:
    """Return what the page of a statement shows."""
    first, *more = opening(statement)
    record = statement.record
    unpaid = [entry for entry in statement.lines if not entry.paid]
    return {
        "period": in_words(record.period), "account": statement.account, "run": record.run_id, "csv": csv,
        "live": record.mode is Mode.LIVE, "zone": statement.zone.key, "noun": NOUNS[record.kind],
        "as_of": wording.moment(statement.as_of, statement.zone) if statement.as_of else "",
        "first": first, "more": more,
        "money": _money(statement.settled) if statement.settled else None,
        "states": _states(statement),
        "payouts": [_payout(one) for one in statement.payouts],
        "unpaid": [_row(entry, statement.zone) for entry in unpaid[:MOST_LISTED]], "unpaid_count": len(unpaid),
        "lines": [_row(entry, statement.zone) for entry in statement.lines[:MOST_LISTED]],
        "line_count": len(statement.lines),
        "further": [_row(entry, statement.zone) for entry in statement.further[:MOST_LISTED]],
        "further_count": len(statement.further),
    }  # fmt: skip


def _money(settled: Mapping[str, Settled]) -> dict[str, Any]:
    """Return the table from charged to net, and where that is: rows of (words, amounts, whether it is a sum)."""
    codes = sorted(settled)
    each = [settled[code] for code in codes]
    rows = [
        ("Charged", [one.places[Place.CHARGED] for one in each], False),
        ("Given back to customers", [one.places[Place.REFUNDED] for one in each], False),
        ("Taken back by banks", [one.places[Place.DISPUTED] for one in each], False),
        ("Stripe's fees", [-one.stripe for one in each], False),
        ("The platform's fees", [-one.platform for one in each], False),
        ("Other", [one.other for one in each], False),
        ("Yours", [one.net for one in each], True),
        *((WHERE_SAID[where], [one.where[where] for one in each], False) for where in Where),
    ]
    shown = [
        (words, [wording.amount(minor, code) for minor, code in zip(minors, codes, strict=True)], strong)
        for words, minors, strong in rows
        if strong or any(minors)
    ]
    return {"codes": [code.upper() for code in codes], "rows": shown}


def _states(statement: Statement) -> dict[str, Any]:
    """Return the lines by state: rows of (words, icon, lines, amounts), the last one of all."""
    sheet = statement.sheet
    codes = sorted(sheet.totals)
    icons = {entry.state: entry.row for entry in reversed(statement.lines)}
    rows = []
    for state, by_currency in statement.states.items():
        count = sum(one.lines for one in by_currency.values())
        money = [by_currency[code].totals[code] if code in by_currency else 0 for code in codes]
        rows.append((state, icons[state], count, _amounts(money, codes)))
    total = ("all", "", len(statement.lines), _amounts([sheet.totals[code] for code in codes], codes))
    return {"codes": [code.upper() for code in codes], "rows": [*rows, total]}


def _amounts(minors: Iterable[int], codes: Iterable[str]) -> list[str]:
    return [
        wording.amount(minor, code) if minor else wording.NOTHING for minor, code in zip(minors, codes, strict=True)
    ]


def _payout(one: Carried) -> dict[str, str]:
    """Return a payout as the page shows it."""
    payout = one.payout
    told = {
        "day": "" if payout is None else _day(payout.arrival_date), "name": one.name, "state": payout_words(payout),
        "carries": wording.priced(one.net, one.currency), "note": "",
        "whole": "" if payout is None else wording.priced(payout.amount, payout.currency),
    }  # fmt: skip
    if one.bank is not None:
        told["note"] = f"paid again with {one.bank.id}, {_day(one.bank.arrival_date)}: {payout_words(one.bank)}"
    return told


def _row(entry: Entry, zone: ZoneInfo) -> dict[str, Any]:
    """Return a line, or a row of the balance, as the page shows it."""
    booked = entry.booked
    row = {
        "what": entry.what, "reference": entry.reference, "row": entry.row, "state": entry.state, "why": entry.why,
        "day": wording.day(entry.at, zone) if entry.at else "", "amount": wording.priced(entry.amount, entry.currency),
        "stripe": "", "platform": "", "net": "", "charged": "",
    }  # fmt: skip
    if booked is None:
        return row
    code = booked.currency
    row["stripe"] = wording.amount(booked.stripe_fee + booked.other_fees, code)
    row["platform"] = wording.amount(booked.application_fee, code)
    row["net"] = wording.priced(booked.net, code)
    if code != entry.currency:
        row["charged"] = wording.priced(booked.amount, code)
    return row
