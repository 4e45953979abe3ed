"""The accounts of a run, worst first: how much of what there was to pay for each of them is not paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billing.core.tones import TONES, Tone
from billing.core.wording import counted
from billing.edge.logs import visible
from billing.edge.pages.charts import Segment, segments
from billing.flow.outturn import ROWS
from billing.flow.reporting.kindwords import first_up, row_words
from billing.flow.reporting.overview import AccountLines, Overview, summed

SHOWN = 20
# Accounts that are named; the others are counted.
HALF, TENTH = 0.5, 0.1
BANDS: tuple[tuple[str, Tone, float, float], ...] = (
    # words, colour, share that is open: above the first, up to the second
    ("Nothing is", Tone.FINAL, 0.999_999_999, 1.0),
    ("More than half is open", Tone.FINAL, HALF, 0.999_999_999),
    ("10 to 50 % is open", Tone.CUST, TENTH, HALF),
    ("Up to 10 % is open", Tone.AGAIN, 0.0, TENTH),
    ("Everything is", Tone.PAID, -1.0, 0.0),
)


@dataclass(frozen=True, slots=True)
class Band:
    """Accounts by the share that is open."""

    words: str
    count: int
    bar: Sequence[Segment]


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account: what is open of it, how many of its lines that are, a bar of its states, and these in words."""

    account: str
    shown: str
    open: Mapping[str, int]
    lines: str
    bar: Sequence[Segment]
    told: str


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the section shows.

    Attributes:
        count: of all accounts.
        incomplete: of those with something open.
        bands: by share.
        worst: the first of them.
        rest: what is not shown, in words.
    """

    count: int
    incomplete: int
    bands: tuple[Band, ...]
    worst: tuple[AccountView, ...]
    rest: str


def accounts_of(overview: Overview) -> Accounts | None:
    """Return the accounts of a run; None where its lines have none."""
    named = [each for account, each in sorted(overview.accounts.items()) if account]
    if not named:
        return None
    shares = [(open_share(each), each) for each in named]
    worst = sorted((pair for pair in shares if pair[0] > 0), key=_worst)
    done = row_words(overview.record.kind, "paid")
    bands = tuple(_band(words, tone, [s for s, _ in shares if low < s <= high], len(named), done)
                  for words, tone, low, high in BANDS)  # fmt: skip
    left, whole = len(worst) - SHOWN, len(named) - len(worst)
    rest = [f"{counted(left, 'more account')} with something open"] if left > 0 else []
    rest += [f"{counted(whole, 'account')} with everything {done}"] if whole else []
    return Accounts(len(named), len(worst), tuple(band for band in bands if band.count),
                    tuple(_account(each, overview) for _, each in worst[:SHOWN]), ", ".join(rest))  # fmt: skip


def open_share(each: AccountLines) -> float:
    """Return the largest share, over its currencies, of an account's money that is open; of lines where there is none.

    Lines on which nothing is owed are not counted; what was left out for another reason is open.
    """
    asked = summed(lines for row, lines in each.rows.items() if row != "nothing_owed")
    paid = each.rows.get("paid")
    if not asked.lines:
        return 0.0
    if not any(asked.totals.values()):
        return 1 - (paid.lines if paid else 0) / asked.lines
    return max(1 - (paid.totals[code] if paid else 0) / minor for code, minor in asked.totals.items() if minor)


def _worst(pair: tuple[float, AccountLines]) -> tuple[float, int, str]:
    share, each = pair
    return (-share, -sum(lines.lines for row, lines in each.rows.items() if row != "paid"), each.account)


def _band(words: str, tone: Tone, shares: Sequence[float], whole: int, done: str) -> Band:
    text = words if "open" in words else f"{words} {done}"
    return Band(text, len(shares), segments([(tone, len(shares))], whole))


def _account(each: AccountLines, overview: Overview) -> AccountView:
    kind = overview.record.kind
    rows = [(row, each.rows[row].lines) for row in ROWS if row in each.rows]
    away = summed(lines for row, lines in each.rows.items() if row not in ("paid", "nothing_owed"))
    whole = sum(lines for row, lines in rows if row != "nothing_owed")
    told = ", ".join(f"{row_words(kind, row)} {lines:,}" for row, lines in rows)
    return AccountView(
        each.account, visible(each.account), away.totals,
        f"{away.lines:,} of {whole:,}", segments((TONES[row], lines) for row, lines in rows), first_up(told),
    )  # fmt: skip
