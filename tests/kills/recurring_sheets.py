"""The sheet of subscriptions of a world: who is subscribed on which account, to what, and from when on."""

import csv
import io
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tests.kills.recurring_people import Saves
from tests.kills.recurring_platform import Shop

COLUMNS = (
    "reference", "customer", "payment_method", "account", "amount", "currency", "interval", "product", "price",
    "application_fee_percent", "trial_end", "billing_cycle_anchor",
)  # fmt: skip
TRIAL_DAYS, ANCHOR_DAYS = 14, 20
# Either way a line renews once in the 40 days that follow: no month has more than 31.


class Sells(StrEnum):
    """What a line sells, and when it begins to cost."""

    AMOUNT = "amount"
    PRICE = "price"
    TRIAL = "trial"
    ANCHOR = "anchor"


TURN = (Sells.AMOUNT, Sells.PRICE, Sells.TRIAL, Sells.AMOUNT, Sells.PRICE, Sells.ANCHOR, Sells.AMOUNT)


@dataclass(frozen=True, slots=True)
class Saved:
    """A payer whose payment details are saved: as the report of the payers has it."""

    customer: str
    method: str
    saves: Saves


def sheet(
    saved: Sequence[Saved],
    shops: Sequence[Shop],
    count: int,
    chance: random.Random,
    word: str,
    linked: Mapping[str, str],
) -> str:
    """Return the run file that subscribes them: everybody once before anybody has a second line.

    Args:
        saved: the payers.
        shops: the accounts.
        count: lines.
        chance: chooses the account.
        word: how the references begin.
        linked: customer -> the account that is meant, where it is not any.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for number in range(count):
        payer = saved[number % len(saved)]
        # A US bank account pays dollars, on an account there. (docs.stripe.com/payments/ach-direct-debit)
        open_to = [shop for shop in shops if payer.saves is not Saves.BANK or shop.country == "US"]
        open_to = [shop for shop in open_to if shop.account == linked.get(payer.customer, shop.account)]
        writer.writerow(_row(f"{word}-{number:04d}", number, payer, chance.choice(open_to)))
    return text.getvalue()


def _row(reference: str, number: int, payer: Saved, shop: Shop) -> dict[str, str]:
    sells = TURN[(number + number // len(TURN)) % len(TURN)]
    row = {
        "reference": reference, "customer": payer.customer, "account": shop.account,
        "payment_method": payer.method if number % 3 else "", "application_fee_percent": "10",
    }  # fmt: skip
    if sells is Sells.PRICE:
        return row | {"price": shop.price}
    row |= {"amount": "19.00", "currency": shop.currency.upper(), "interval": "month", "product": "Membership"}
    if sells is Sells.TRIAL:
        row["trial_end"] = _day(TRIAL_DAYS)
    if sells is Sells.ANCHOR:
        row["billing_cycle_anchor"] = _day(ANCHOR_DAYS)
    return row


def _day(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")
