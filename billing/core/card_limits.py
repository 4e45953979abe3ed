"""How often a card may be tried, as a dated table: ours, Stripe's and the networks'. The strictest row decides.

An attempt is counted when its confirm may leave. First attempts count and are held back by nothing here; a later one
waits until every row has room for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

TABLE_DATE = "2026-11-30"
MARGIN = timedelta(minutes=15)
# An attempt is dated when it is written that its confirm leaves; the bank may hear of it minutes later, when a limiter
# lets it through. So much longer than its window counts each attempt.
MOST_REPEATS = 8
# Of one payment, whatever it is paid with. (docs.stripe.com/declines/card)


class Over(StrEnum):
    """Over which attempts a row counts."""

    PAYMENT = "one payment"
    CARD_AND_ACCOUNT = "card and account"
    CARD = "card, over all accounts"
    CARD_ACCOUNT_AND_AMOUNT = "card, account and amount"


class What(StrEnum):
    """What a row counts."""

    ATTEMPTS = "attempts"
    DECLINES = "declines"
    REPEATS = "repeats"


@dataclass(frozen=True, slots=True)
class Limit:
    """One row.

    Attributes:
        whose: who sets it.
        what: what is counted.
        over: over what.
        most: how many.
        window: within which time; None for ever.
        brand: the one brand of card that it is for, as Stripe names it; empty for each.
        source: where it stands.
    """

    whose: str
    what: What
    over: Over
    most: int
    window: timedelta | None
    brand: str
    source: str


_DAY, _MONTH = timedelta(hours=24), timedelta(days=30)
_STRIPE = "docs.stripe.com/declines/card"
_EXCESSIVE = "support.stripe.com/questions/payment-blocked-due-to-excessive-retries; Visa's own number is 20 since 2025"
_NOTICES = "notices of processors, unconfirmed"
LIMITS: tuple[Limit, ...] = (
    Limit("ours", What.ATTEMPTS, Over.CARD_AND_ACCOUNT, 1, _DAY, "", "below all others"),
    Limit("ours", What.ATTEMPTS, Over.CARD_AND_ACCOUNT, 4, _MONTH, "", "below all others"),
    Limit("Stripe", What.REPEATS, Over.PAYMENT, MOST_REPEATS, None, "", _STRIPE),
    Limit("Visa", What.ATTEMPTS, Over.CARD_ACCOUNT_AND_AMOUNT, 15, _MONTH, "visa", _EXCESSIVE),
    Limit("Mastercard", What.DECLINES, Over.CARD, 10, _DAY, "mastercard", _NOTICES),
    Limit("Mastercard", What.ATTEMPTS, Over.CARD_ACCOUNT_AND_AMOUNT, 35, _MONTH, "mastercard", _NOTICES),
)
LONGEST = max(limit.window for limit in LIMITS if limit.window is not None) + MARGIN
# What is older counts in no row.


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt with a card.

    Attributes:
        at: epoch second at which its confirm may have left.
        account: the connected account.
        amount: minor units of ``currency``.
        declined: whether it is known to have been declined.
    """

    at: float
    account: str
    amount: int
    currency: str
    declined: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """An attempt that is to be made; ``brand`` is the card's as Stripe names it, or empty where it is not known."""

    account: str
    amount: int
    currency: str
    brand: str = ""


def allowed_from(wanted: Wanted, card: Iterable[Attempt], now: float) -> float:
    """Return the epoch second from which another attempt with a card may leave; ``now`` if it may at once.

    The rows of one payment are not among what is asked here: `core.dunning` ends a payment whose repeats are spent.
    A card whose brand is not known is held to the rows of every brand.

    Args:
        wanted: what is to be tried.
        card: the attempts with this card, of whatever item, run and account, in any order.
        now: epoch second.
    """
    attempts = sorted(card, key=lambda attempt: attempt.at)
    return max((_room(limit, wanted, attempts, now) for limit in LIMITS if _is_for(limit, wanted)), default=now)


def _is_for(limit: Limit, wanted: Wanted) -> bool:
    return limit.window is not None and (not limit.brand or not wanted.brand or limit.brand == wanted.brand)


def _room(limit: Limit, wanted: Wanted, attempts: list[Attempt], now: float) -> float:
    assert limit.window is not None  # noqa: S101  asked before
    window = (limit.window + MARGIN).total_seconds()
    counted = [each.at for each in attempts if each.at > now - window and _counts(limit, wanted, each)]
    return now if len(counted) < limit.most else counted[len(counted) - limit.most] + window


def _counts(limit: Limit, wanted: Wanted, attempt: Attempt) -> bool:
    if limit.what is What.DECLINES and not attempt.declined:
        return False
    match limit.over:
        case Over.CARD:
            return True
        case Over.CARD_AND_ACCOUNT:
            return attempt.account == wanted.account
        case _:
            same = (attempt.account, attempt.amount, attempt.currency)
            return same == (wanted.account, wanted.amount, wanted.currency)


def table_as_markdown() -> str:
    """Return the table as the documentation shows it."""
    rows = ["| whose | counts | over | at most | within | of | source |", "|---|---|---|---|---|---|---|"]
    for limit in LIMITS:
        within = "always" if limit.window is None else _said(limit.window)
        brand = f"cards of {limit.brand}" if limit.brand else "each card"
        rows.append(
            f"| {limit.whose} | {limit.what} | {limit.over} | {limit.most} | {within} | {brand} | {limit.source} |"
        )
    return "\n".join([*rows, f"\nAs of {TABLE_DATE}."])


def _said(window: timedelta) -> str:
    return f"{window.days} days" if window > _DAY else f"{int(window.total_seconds() // 3600)} h"
