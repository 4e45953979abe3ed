"""The true books of what recurs: which subscriptions were ever paid or ever will be, and which defaults are dead."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from billing.sandbox.invoice_body import subscription_of
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Account

ALIVE = frozenset({"active", "past_due", "trialing", "unpaid"})


@dataclass(frozen=True, slots=True)
class SubscriptionBook:
    """One subscription and what it took.

    Attributes:
        ends: whether an end is set, by a date or with its period.
        paid: its invoices that a successful charge paid.
        pending: its invoices that are with a bank.
        declined: failed charges for its invoices.
        open: its invoices that can still be paid.
        taken: minor units captured.
        application_fee: the platform's share of them, in minor units.
    """

    subscription: str
    account: str
    customer: str
    status: str
    ends: bool
    currency: str
    metadata: Mapping[str, str]
    paid: int
    pending: int
    declined: int
    open: int
    taken: int
    application_fee: int

    @property
    def counts(self) -> bool:
        """Whether it ever took money, is taking some, or will."""
        return bool(self.paid or self.pending) or (self.status in ALIVE and not self.ends)


@dataclass(frozen=True, slots=True)
class DeadDefault:
    """A payment method that will never work again and is still what somebody pays with by default.

    Attributes:
        owner: id of the customer or the living subscription that names it.
    """

    account: str
    owner: str
    method: str


def invoice_of_intent(account: Account) -> dict[str, str]:
    """The invoice behind each intent that has one."""
    return {row["payment"]["payment_intent"]: row["invoice"] for row in account["inpay"]}


def subscription_books(account: Account) -> list[SubscriptionBook]:
    """The books of every subscription of an account, in order of creation, drawn from the charges themselves."""
    invoices: defaultdict[str, list[Obj]] = defaultdict(list)
    for invoice in account["in"]:
        invoices[subscription_of(invoice)].append(invoice)
    behind = invoice_of_intent(account)
    charges: defaultdict[str, list[Obj]] = defaultdict(list)
    for charge in account["ch"]:
        if charge["payment_intent"] in behind:
            charges[behind[charge["payment_intent"]]].append(charge)
    return [_book(account, row, invoices[row["id"]], charges) for row in account["sub"]]


def _book(account: Account, row: Obj, invoices: list[Obj], charges: Mapping[str, list[Obj]]) -> SubscriptionBook:
    own = [charge for invoice in invoices for charge in charges[invoice["id"]]]
    good = [charge for charge in own if charge["status"] == "succeeded"]
    return SubscriptionBook(
        row["id"], account.id, row["customer"], row["status"], row["cancel_at"] is not None, row["currency"],
        dict(row["metadata"]), paid=len(good), pending=sum(charge["status"] == "pending" for charge in own),
        declined=sum(charge["status"] == "failed" for charge in own),
        open=sum(invoice["status"] == "open" for invoice in invoices),
        taken=sum(charge["amount_captured"] for charge in good),
        application_fee=sum(charge["application_fee_amount"] or 0 for charge in good),
    )  # fmt: skip


def dead_defaults(account: Account) -> Iterator[DeadDefault]:
    """Defaults of this account that no longer work."""
    named = [(row["id"], row["invoice_settings"]["default_payment_method"]) for row in account["cus"]]
    named += [(row["id"], row["default_payment_method"]) for row in account["sub"] if not row["ended_at"]]
    for owner, method in named:
        if method is not None and account.instruments[method].dead:
            yield DeadDefault(account.id, owner, method)
