"""The money of a run: a card per currency, each with its sum; with many currencies a table for the rest of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from billing.core.tones import NOT_CHARGED, TONES
from billing.core.wording import amount, priced, share
from billing.edge.pages.charts import Segment, segments
from billing.flow.outturn import ROWS
from billing.flow.reporting.kindwords import WORDS, first_up, row_words
from billing.flow.reporting.overview import Overview, Sum, summed

CARDS = 4
# Currencies that have a card of their own, the most lines first.


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """A row of a card: the code of its row of the outturn, or empty for a sum; words, lines, money."""

    row: str
    words: str
    lines: int
    amount: str


@dataclass(frozen=True, slots=True)
class Card:
    """The lines of a currency, or those that have no money.

    Attributes:
        currency: its code; empty for lines without money.
        paid, whole, share: of what there was to do.
        missing: what is not there; empty where nothing is missing.
        bar: of what is missing, by state.
        told: the same in words.
        rows: by state, then their sums.
    """

    currency: str
    paid: str
    whole: str
    share: str
    missing: str
    bar: Sequence[Segment]
    told: str
    rows: tuple[MoneyRow, ...]


@dataclass(frozen=True, slots=True)
class Money:
    """What the section shows: cards, and a row for each further currency (its code, lines, paid, to do, share)."""

    cards: tuple[Card, ...]
    rest: tuple[tuple[str, str, str, str, str], ...]


def money_of(overview: Overview) -> Money:
    """Return the money of a run; of one that moves none, its lines."""
    codes = overview.currencies
    cards = [_card(overview, code) for code in codes[:CARDS]]
    if not codes and "" in overview.money:
        cards.append(_card(overview, ""))
    return Money(tuple(cards), tuple(_rest(overview, code) for code in codes[CARDS:]))


def to_do(overview: Overview, currency: str) -> Sum:
    """Return the lines of a currency that the run is to do."""
    return _summed(overview, currency, lambda row: row not in NOT_CHARGED)


def _card(overview: Overview, currency: str) -> Card:
    whole, paid = to_do(overview, currency), overview.money[currency].get("paid", Sum())
    away = [(row, each) for row, each in overview.rows_in(currency) if row not in NOT_CHARGED | {"paid"} and each.lines]
    kind = overview.record.kind
    told = ", ".join(f"{row_words(kind, row)} {_size(each, currency)}" for row, each in away)
    missing = _minor(whole, currency) - _minor(paid, currency)
    shown = amount(missing, currency) if currency else f"{missing:,}"
    words = WORDS[kind].missing
    return Card(
        currency=currency.upper(),
        paid=_size(paid, currency), whole=_size(whole, currency),
        share=share(_minor(paid, currency), _minor(whole, currency)),
        missing=f"{words}: {shown}" if missing else "",
        bar=segments((TONES[row], _minor(each, currency)) for row, each in away) if missing else (),
        told=f"{words} {priced(missing, currency) if currency else shown}: {told}.",
        rows=tuple(_rows(overview, currency, whole)),
    )  # fmt: skip


def _rows(overview: Overview, currency: str, whole: Sum) -> Iterator[MoneyRow]:
    """The rows of a table: what there was to do, its sum, what was left out, and the sum of all."""
    kind, rows = overview.record.kind, overview.rows_in(currency)
    for row, each in rows:
        if row not in NOT_CHARGED and (each.lines or whole.lines):
            yield MoneyRow(row, first_up(row_words(kind, row)), each.lines, amount(_minor(each, currency), currency))
    if whole.lines:
        yield _sum(WORDS[kind].to_do, whole, currency)
    out = [(row, each) for row, each in rows if row in NOT_CHARGED]
    for row, each in out:
        yield MoneyRow(row, first_up(row_words(kind, row)), each.lines, amount(_minor(each, currency), currency))
    if whole.lines or out:
        yield _sum("All lines", _summed(overview, currency, lambda row: row in ROWS), currency)


def _sum(words: str, each: Sum, currency: str) -> MoneyRow:
    return MoneyRow("", words, each.lines, amount(_minor(each, currency), currency))


def _rest(overview: Overview, currency: str) -> tuple[str, str, str, str, str]:
    whole, paid = to_do(overview, currency), overview.money[currency].get("paid", Sum())
    return (
        currency.upper(), f"{whole.lines:,}", _size(paid, currency), _size(whole, currency),
        share(_minor(paid, currency), _minor(whole, currency)),
    )  # fmt: skip


def _summed(overview: Overview, currency: str, takes: Callable[[str], bool]) -> Sum:
    return summed(each for row, each in overview.money[currency].items() if takes(row))


def _minor(each: Sum, currency: str) -> int:
    """Return the size of a sum: minor units, or lines where there is no money."""
    return each.totals[currency] if currency else each.lines


def _size(each: Sum, currency: str) -> str:
    return amount(each.totals[currency], currency) if currency else f"{each.lines:,}"
