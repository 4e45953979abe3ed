"""The money of a line: what was charged and what became of it, from Stripe's rows where they are known.

Where they are, the rows add up to the net, to the minor unit, in the currency that the account is settled in. Where
they are not, only what the line itself says is told, and no net.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from billing.core import wording
from billing.core.entries import ItemRecord
from billing.core.groups import group_of
from billing.core.items import Kind
from billing.core.kinds import life_of
from billing.core.life import Group
from billing.core.movements import Movement, Payout
from billing.core.reconciling.account_book import place_of
from billing.core.reconciling.kinds import Place
from billing.core.stories.case import Case
from billing.core.stories.found import iso
from billing.core.stories.story import Money, MoneyRow

WORDS: Mapping[str, str] = {
    "charged": "Charged",
    "refunded": "Refunded",
    "taken_back": "Taken back by the bank",
    "disputed": "Disputed or returned",
    "other": "Other",
    "stripe_fee": "Stripe's fee",
    "application_fee": "Our application fee",
    "net": "Net for the account",
}
# Of each row, by its stable name and in its order.
_PLACES: Mapping[Place, str] = {
    Place.CHARGED: "charged",
    Place.REFUNDED: "refunded",
    Place.DISPUTED: "disputed",
    Place.APPLICATION_FEES: "application_fee",
    Place.OTHER: "other",
}
MOVES = frozenset({Kind.CHARGE, Kind.REFUND, Kind.SUBSCRIPTION})
# Kinds whose items move money on connected accounts.


def money_of(case: Case) -> Money:
    """Return the money of a line."""
    if case.item.kind not in MOVES:
        return Money()
    rows = booked(case.movements) if case.movements else list(_said(case))
    ids = dict.fromkeys(row.payout for row in case.movements if row.payout)
    reconciled = iso(case.looked) if case.looked else ""
    return Money(tuple(rows), reconciled, tuple(_sentences(case)), tuple(ids))


def booked(movements: Sequence[Movement]) -> list[MoneyRow]:
    """Return what Stripe's rows come to, each currency by itself; its last one is the net, the sum of the others."""
    found: dict[str, Counter[str]] = {}
    for row in movements:
        sums = found.setdefault(row.currency, Counter())
        sums[_PLACES[place_of(row)]] += row.amount
        sums["stripe_fee"] -= row.stripe_fee + row.other_fees
        sums["application_fee"] -= row.application_fee
        sums["net"] += row.net
    rows = [
        MoneyRow(code, words, sums[code], currency)
        for currency, sums in sorted(found.items())
        for code, words in WORDS.items()
        if sums[code] or code == "net"
    ]
    return [*_converted(movements), *rows]


def _converted(movements: Sequence[Movement]) -> Iterator[MoneyRow]:
    """Yield what the customer paid, where that is in another currency than the account's."""
    paid = Counter[str]()
    for row in movements:
        if place_of(row) is Place.CHARGED and row.presented_currency != row.currency:
            paid[row.presented_currency] += row.presented
    return (MoneyRow("presented", "The customer paid", minor, currency) for currency, minor in sorted(paid.items()))


def _said(case: Case) -> Iterator[MoneyRow]:
    """Yield what the lines themselves say, before Stripe has been asked what it booked."""
    sums = Counter[str]()
    for item in case.lives:
        taken = amount_taken(item)
        refunds = item.kind is Kind.REFUND
        sums["refunded" if refunds else "charged"] += -taken if refunds else taken
        if item.state in life_of(item.state).taken_back:
            sums["taken_back"] -= taken
        fee = item.facts.get("application_fee_charged")
        sums["application_fee"] -= fee if type(fee) is int else 0
    sums["refunded"] -= sum(amount_taken(each.item) for each in case.undoing)
    currency = case.item.currency
    return (MoneyRow(code, words, sums[code], currency) for code, words in WORDS.items() if sums[code] and currency)


def amount_taken(item: ItemRecord) -> int:
    """Return what an item has moved, as far as the ledger says so, in minor units of its currency."""
    done = group_of(item) is Group.SUCCEEDED or item.state in life_of(item.state).taken_back
    name = "amount_refunded" if item.kind is Kind.REFUND else "amount_charged"
    told = item.facts.get(name)
    return (told if type(told) is int else item.amount) if done and item.kind in MOVES else 0


def _sentences(case: Case) -> Iterator[str]:
    if not case.looked and not any(map(amount_taken, case.lives)):
        return
    if not case.looked:
        yield "Not compared with Stripe yet: what Stripe kept of it and which payout carries it is not known here."
    else:
        compared = wording.moment(iso(case.looked), case.zone)
        shown = "" if case.movements else ", when Stripe's books showed no money of it"
        yield f"Compared with Stripe on {compared}{shown}."
    for payout, rows in _carried(case):
        yield _payout(payout, rows, case)


def _carried(case: Case) -> Iterator[tuple[Payout, list[Movement]]]:
    payouts = case.payouts or {}
    for name in dict.fromkeys(row.payout for row in case.movements if row.payout):
        if name in payouts:
            yield payouts[name], [row for row in case.movements if row.payout == name]


def _payout(payout: Payout, rows: Sequence[Movement], case: Case) -> str:
    """Say which payout carries it, and what became of that."""
    net, day = sum(row.net for row in rows), wording.day(iso(payout.arrival_date), case.zone)
    part = "raises" if net >= 0 else "lowers"
    said = f"It {part} the payout of {day} by {wording.priced(abs(net), rows[0].currency)}"
    whole = f"{wording.priced(payout.amount, payout.currency)} in all"
    failed = ", which failed: the money is on the account's balance again" if payout.failed else ""
    return f"{said} ({payout.id}, {whole}{failed})."
