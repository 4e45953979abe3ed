"""What the owner of a connected account is told of a line: words that say nothing of the platform's own work."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from billing.core.items import Kind
from billing.core.reconciling.kinds import Place
from billing.core.skips import OF_THE_ACCOUNT


class Noun(NamedTuple):
    """What the lines of a kind of run are.

    Attributes:
        one, many: in words.
        done: what is said of those that succeeded.
        category: Stripe's reporting category of the rows that are theirs.
    """

    one: str
    many: str
    done: str
    category: str


NOUNS: Mapping[Kind, Noun] = {
    Kind.CHARGE: Noun("payment", "payments", "paid", "charge"),
    Kind.SUBSCRIPTION: Noun("first payment", "first payments", "paid", "charge"),
    Kind.REFUND: Noun("refund", "refunds", "given back", "refund"),
}
# Kinds whose lines move money on connected accounts; there are no statements of others.


class Said(NamedTuple):
    """Where a line stands, and why it brought no money; empty where it did, or will."""

    state: str
    why: str = ""


PAID_EARLIER = Said("paid earlier", "it is in another statement of this period")
YOURS = "your account could not take charges: see what Stripe asks of you"
ROWS_SAID: Mapping[str, Said] = {
    # row of an outturn: what is said of its lines
    "paid": Said("paid"),
    "on_its_way": Said("on its way", "the customer's bank has not answered yet"),
    "customer_must_act": Said("not paid yet", "the customer has to confirm it, or to pay in another way"),
    "declined_for_now": Said("not paid yet", "it was declined and may be tried again"),
    "declined_for_good": Said("not paid", "it was declined"),
    "no_answer_yet": Said("not known yet", "it is being looked up whether it was paid"),
    "look_in_stripe": Said("not known yet", "it is being looked up whether it was paid"),
    "not_paid": Said("not paid", "the payment could not be made"),
    "account_refuses": Said("not charged yet", YOURS),
    "not_yet": Said("not charged yet", "its turn has not come"),
    "nothing_owed": Said("not charged", "it was withdrawn before it was charged"),
    "left_out": Said("not charged", "it was left out: ask the platform"),
}
CODES_SAID: Mapping[str, Said] = {
    # reason of a line that was left out: what is said instead
    "already_paid": PAID_EARLIER,
    "processing_elsewhere": Said("on its way", "it is in another statement of this period"),
    "in_other_run": Said("not paid yet", "it is in another statement of this period"),
    **dict.fromkeys(sorted(OF_THE_ACCOUNT), Said("not charged", YOURS)),
}
NAMED = frozenset({"customer_must_act", "declined_for_now", "declined_for_good"})
# Rows whose reason is the bank's word, which the account sees in Stripe too.
CODE = re.compile(r"[a-z0-9_]{1,60}")
# What such a word looks like; anything else would say nothing to anybody.


def said_of(kind: Kind, row: str, code: str) -> Said:
    """Return what is said of a line, by its row of the outturn and the code of its reason."""
    if row == "paid":
        return Said(NOUNS[kind].done)
    if row in ("left_out", "nothing_owed") and code in CODES_SAID:
        return CODES_SAID[code]
    said = ROWS_SAID[row]
    named = row in NAMED and CODE.fullmatch(code) is not None
    return said._replace(why=f"{said.why} ({code.replace('_', ' ')})") if named else said


PLACES_SAID: Mapping[Place, str] = {
    Place.CHARGED: "payment",
    Place.REFUNDED: "refund",
    Place.DISPUTED: "dispute",
    Place.APPLICATION_FEES: "platform's fee given back",
    Place.OTHER: "other",
    Place.EXTRA_FEES: "other",
    Place.STRIPE_FEES: "other",
}
# What a row of the balance is called that is no line's own payment.
PAYOUTS_SAID: Mapping[str, str] = {
    "paid": "arrived",
    "in_transit": "on its way to your bank",
    "pending": "on its way to your bank",
    "failed": "came back from your bank",
    "canceled": "cancelled",
}
# A payout's status. (docs.stripe.com/api/payouts/object)
