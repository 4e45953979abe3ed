"""One difference between the ledger and Stripe, named, with what it changes and what a person does about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from billing.core.money import grouped
from billing.core.reconciling.kinds import MEANINGS, Kind


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    Attributes:
        account: on which.
        reference, run, item: of the line; empty for a payout, and for a payment that has none.
        object: Stripe's object that shows it.
        ours, stripe: what either side says, in the words of a status or as an amount.
        amount, currency: what it changes of the net, or what it is about where it changes nothing.
        effects: what it changes of Stripe's net against ours: currency -> minor units; empty where money agrees.
        fee: minor units of a fee that is among them, positive.
        at: when it happened, epoch seconds.
        due: until when it must be answered, epoch seconds.
        detail: what else the sentence says.
        do: what a person does, where that is not what the kind says.
    """

    kind: Kind
    account: str
    reference: str
    run: str
    item: str
    object: str
    ours: str
    stripe: str
    amount: int
    currency: str
    effects: Mapping[str, int] = field(default_factory=dict)
    fee: int = 0
    at: int | None = None
    due: int | None = None
    detail: str = ""
    do: str = ""

    @property
    def says(self) -> str:
        """What happened, in words."""
        words = MEANINGS[self.kind].words.format(ours=self.ours, stripe=self.stripe)
        return f"{words}: {self.detail}" if self.detail else words

    @property
    def what_to_do(self) -> str:
        """What a person does about it."""
        todo = self.do or MEANINGS[self.kind].what_to_do
        if self.due is not None:
            todo = f"Answer it in Stripe by {datetime.fromtimestamp(self.due, UTC):%d %b %Y}."
        if self.fee and self.currency:
            code, rest = self.currency.upper(), grouped(abs(self.amount) - self.fee, self.currency)
            todo += f" It is about {code} {rest} and a fee of {code} {grouped(self.fee, self.currency)}."
        return todo

    def as_facts(self) -> dict[str, Any]:
        """Return it as a program reads it."""
        return {
            "kind": str(self.kind),
            "account": self.account,
            "reference": self.reference,
            "run": self.run,
            "object": self.object,
            "ours": self.ours,
            "stripe": self.stripe,
            "amount": self.amount,
            "currency": self.currency,
            "effects": dict(self.effects),
            "fee": self.fee,
            "at": self.at,
            "due": self.due,
            "says": self.says,
            "what_to_do": self.what_to_do,
        }
