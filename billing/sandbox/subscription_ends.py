"""How subscriptions and their invoices end: cancelled, expired, void. What is dead never lives again."""

from billing.sandbox import charges, events
from billing.sandbox.balances import give_back_balance
from billing.sandbox.invoice_body import intent_of, payment_of, subscription_of
from billing.sandbox.recurring import VoidedFirst
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Account, Call

DEAD = frozenset({"canceled", "incomplete_expired"})
AT_BANK = "processing"


def subscription_behind(account: Account, invoice: Obj) -> Obj:
    """The subscription an invoice is for."""
    return account["sub"].find(subscription_of(invoice), invoice["livemode"])


def invoices_of(account: Account, subscription: Obj) -> list[Obj]:
    """The invoices of a subscription, oldest first."""
    return account.of("in", subscription["id"])


def end(call: Call, subscription: Obj, reason: str) -> None:
    """Cancel for good. Open invoices stay open, but nothing collects them any more.

    Source: docs.stripe.com/api/subscriptions/cancel.
    An incomplete subscription becomes ``incomplete_expired``; whether its invoice is voided is a setting.
    """
    now = call.world.seconds
    was_incomplete = subscription["status"] == "incomplete"
    subscription |= {
        "status": "incomplete_expired" if was_incomplete else "canceled", "ended_at": now,
        "canceled_at": subscription["canceled_at"] or now,
        "cancellation_details": subscription["cancellation_details"] | {"reason": reason},
    }  # fmt: skip
    for invoice in invoices_of(call.account, subscription):
        if invoice["status"] in ("draft", "open"):
            invoice |= {"auto_advance": False, "next_payment_attempt": None}
        if was_incomplete and invoice["status"] == "open" and call.world.config.recurring.cancel_voids:
            void(call, invoice)


def expire(call: Call, subscription: Obj) -> None:
    """End an incomplete subscription whose time is over, and void its invoice; not while the bank has the payment."""
    if subscription["status"] != "incomplete":
        return
    invoices = invoices_of(call.account, subscription)
    if any(at_bank(call.account, invoice) for invoice in invoices):
        return
    subscription |= {"status": "incomplete_expired", "ended_at": call.world.seconds}
    for invoice in invoices:
        if invoice["status"] == "open":
            void(call, invoice)


def expires_at(call: Call, subscription: Obj) -> float:
    """When an incomplete subscription dies; seconds since 1970."""
    return float(subscription["created"] + call.world.config.recurring.expiry_seconds)


def at_bank(account: Account, invoice: Obj) -> bool:
    """Whether a bank has yet to answer for this invoice."""
    intent = intent_of(account, invoice)
    return intent is not None and intent["status"] == AT_BANK and invoice["status"] != "paid"


def void(call: Call, invoice: Obj) -> None:
    """Nobody owes this invoice any more, and nobody can pay it."""
    now, account = call.world.seconds, call.account
    invoice |= {
        "status": "void", "auto_advance": False, "next_payment_attempt": None,
        "status_transitions": invoice["status_transitions"] | {"voided_at": now},
    }  # fmt: skip
    give_back_balance(account, invoice)
    events.record(call, "invoice.voided", invoice)
    payment, intent = payment_of(account, invoice), intent_of(account, invoice)
    if payment is None or intent is None:
        return
    payment |= {"status": "canceled", "status_transitions": payment["status_transitions"] | {"canceled_at": now}}
    if intent["status"] == AT_BANK:
        charges.call_back(call, account["ch"].find(intent["latest_charge"], invoice["livemode"]))
    if intent["status"] != "succeeded":
        intent |= {
            "status": "canceled", "canceled_at": now, "cancellation_reason": "void_invoice", "next_action": None,
        }  # fmt: skip


def voided(call: Call, invoice: Obj) -> None:
    """What a subscription makes of it that one of its invoices was voided by hand."""
    subscription = subscription_behind(call.account, invoice)
    if subscription["status"] == "past_due" and not owes(call.account, subscription):
        subscription["status"] = "active"
    if subscription["status"] != "incomplete":
        return
    match call.world.config.recurring.voided_first:
        case VoidedFirst.EXPIRES:
            subscription |= {"status": "incomplete_expired", "ended_at": call.world.seconds}
        case VoidedFirst.ACTIVATES:
            subscription["status"] = "active"
        case VoidedFirst.NOTHING:
            pass


def owes(account: Account, subscription: Obj) -> bool:
    """Whether an invoice of a subscription is open and was tried."""
    return any(row["status"] == "open" and row["attempted"] for row in invoices_of(account, subscription))
