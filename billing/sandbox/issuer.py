"""The issuer of a card: replaces it under the same payment method, or closes it (docs.stripe.com/payments/cards)."""

from collections.abc import Iterator
from dataclasses import dataclass

from billing.sandbox import events
from billing.sandbox.config import ConfigProblem
from billing.sandbox.instruments import fingerprint_of
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Account, Call, World

UPDATED = "payment_method.automatically_updated"
DIGITS = 4


@dataclass(frozen=True, slots=True)
class NewCard:
    """What the issuer sends in place of a card.

    Attributes:
        last4: of another number; empty where only the expiry is new.
    """

    exp_month: int
    exp_year: int
    last4: str = ""


def replace(world: World, method: str, new: NewCard) -> Obj:
    """The card behind a payment method has other data, and Stripe has heard of it: same id, other expiry and number.

    Copies made before hold the old data (``behaviour.updates_reach_clones`` says otherwise). Where the number is
    another one the old one is no longer good, so they decline; where only the expiry is, once their own is over.

    Raises:
        ConfigProblem: no such card, or no such date or digits.
    """
    if not 1 <= new.exp_month <= 12 or (new.last4 and not (len(new.last4) == DIGITS and new.last4.isdigit())):
        raise ConfigProblem("a card has a month from 1 to 12, and its last four digits are four digits")
    account, row = _card(world, method)
    _renew(world, account, row, new)
    for holder, copy in _copies(world, method):
        if world.behaviour.updates_reach_clones:
            _renew(world, holder, copy, new)
        elif new.last4:
            holder.instruments[copy["id"]].closed = True
    return row


def close(world: World, method: str) -> Obj:
    """The issuer closes the card, and nobody tells Stripe: from now on every charge of it or of a copy declines.

    Raises:
        ConfigProblem: no such card.
    """
    account, row = _card(world, method)
    for holder, copy in [(account, row), *_copies(world, method)]:
        holder.instruments[copy["id"]].closed = True
    return row


def _card(world: World, method: str) -> tuple[Account, Obj]:
    for account in world.everyone():
        row = account["pm"].peek(method)
        if row is not None and row["type"] == "card":
            return account, row
    raise ConfigProblem(f"no card {method!r}")


def _copies(world: World, method: str) -> Iterator[tuple[Account, Obj]]:
    """Every clone of a payment method, with the account it is on."""
    for account in world.accounts.values():
        for copy, instrument in account.instruments.items():
            if instrument.origin == method:
                row = account["pm"].peek(copy)
                if row is not None:
                    yield account, row


def _renew(world: World, account: Account, row: Obj, new: NewCard) -> None:
    changes: Obj = {"exp_month": new.exp_month, "exp_year": new.exp_year}
    if new.last4:
        old = row["card"]["fingerprint"]
        changes |= {"last4": new.last4, "fingerprint": fingerprint_of(world.config.seed, f"{old} {new.last4}")}
    row["card"] = row["card"] | changes
    call = Call(world, account, account is not world.platform, row["livemode"], (), {})
    events.record(call, UPDATED, row)
