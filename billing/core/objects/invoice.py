"""What the invoices of a subscription show: in the answer to a payment, and in a list."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from billing.core.calls import Reads
from billing.core.declines import Decline, decline_of
from billing.core.exits import Exit
from billing.core.objects.subscription import ALIVE, InvoiceSeen, Standing, named
from billing.core.outcomes import Expected, Halt, LookWhy, Lost, Outcome, Refused, Shown, Undecided
from billing.core.redaction import quoted
from billing.core.replies import Reply

invoice_id: Callable[[str], object] = re.compile(r"in_[A-Za-z0-9_]{1,250}").fullmatch

TRIED = frozenset({"requires_payment_method", "canceled"})
# A payment that shows its last error, and is not with the bank any more.
ASKS_PAYER = frozenset({"invoice_payment_intent_requires_action", "subscription_payment_intent_requires_action"})
AUTHENTICATE: Mapping[str, Any] = {"code": "authentication_required"}
# The bank asks for the payer, and off session nobody is there. (docs.stripe.com/error-codes)


def paid(invoice: str, subscription: str, intent: str) -> Reads:
    """Return how the answers to the payment of a first invoice are read: ``Shown(Standing.PAID)``, and nothing less.

    Believed is only a paid invoice whose subscription, expanded, is alive. A dead one was paid all the same; an open
    one may be with the bank; and a stored answer is as old as its key. A read tells of each.

    Args:
        invoice: that is paid.
        subscription: whose first one it is.
        intent: the payment intent of its payment where that is known, else empty: a 402 that shows it is ours.
    """

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        body = reply.body or {}
        if (body.get("object"), body.get("id"), body.get("livemode")) != ("invoice", invoice, expected.livemode):
            return Lost(False, reply=reply)
        wrong = contradiction(body, expected)
        if wrong:
            return Halt(Exit.STOPPED, wrong, reply=reply)
        owner = owner_of(body)
        alive = isinstance(owner, Mapping) and owner.get("status") in ALIVE and named(owner) == subscription
        if reply.replayed or body.get("status") != "paid" or not alive:
            return Undecided(LookWhy.REPLAYED if reply.replayed else LookWhy.STATE, reply=reply)
        return Shown(Standing.PAID, reply=reply)

    def declined(reply: Reply, _expected: Expected) -> Decline | None:
        error = reply.error or {}
        shown = error.get("payment_intent")
        if not intent or named(shown) != intent:
            return None
        if error.get("code") in ASKS_PAYER:
            error = AUTHENTICATE
        charge = shown.get("latest_charge") if isinstance(shown, Mapping) else None
        return decline_of(error, charge if isinstance(charge, Mapping) else None, reply.request_id)

    return Reads(accepted, declined=declined, doubts=in_doubt)


def in_doubt(_refused: Refused, reply: Reply, _expected: Expected) -> LookWhy:
    """Return why a refusal is not believed before a read: an earlier send may have done it."""
    return LookWhy.REPLAYED if reply.replayed else LookWhy.STATE


def contradiction(body: Mapping[str, Any], expected: Expected) -> str:
    """Return the sentence that says how a first invoice is not what was approved, or empty."""
    for name, asked in (("total", expected.amount), ("currency", expected.currency)):
        if body.get(name) != asked:
            return f"invoice {body.get('id')}: {name} is {quoted(repr(body.get(name)))}, approved was {asked!r}"
    return ""


def owner_of(body: Mapping[str, Any]) -> object:
    """Return the subscription of an invoice: its id, expanded, or None. (docs.stripe.com/api/invoices/object)"""
    parent = body.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, Mapping) else None
    return details.get("subscription") if isinstance(details, Mapping) else None


def invoices_of(subscription: str) -> Reads:
    """Return how a list of a subscription's invoices is read: ``Shown(tuple)``; one cut short is Lost."""

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        body = reply.body or {}
        rows = body.get("data")
        if body.get("object") != "list" or body.get("has_more") is not False or not isinstance(rows, list):
            return Lost(False, reply=reply)
        seen = [invoice_in(row, subscription) for row in rows]
        return Lost(False, reply=reply) if None in seen else Shown(tuple(seen), reply=reply)

    return Reads(accepted)


def invoice_in(body: object, subscription: str) -> InvoiceSeen | None:
    """Return what an invoice of a subscription shows, or None for what is no such invoice."""
    if not isinstance(body, Mapping) or body.get("object") != "invoice" or named(owner_of(body)) != subscription:
        return None
    told, total = body.get("id"), body.get("total")
    if not isinstance(told, str) or invoice_id(told) is None or type(total) is not int:
        return None
    attempts, intent = body.get("attempt_count"), payment_of(body)
    shown = intent if isinstance(intent, Mapping) else {}
    error = shown.get("last_payment_error")
    failed = error if isinstance(error, Mapping) and shown.get("status") in TRIED else None
    asks = shown.get("status") == "requires_action"
    return InvoiceSeen(
        id=told,
        status=str(body.get("status")),
        total=total,
        currency=str(body.get("currency")),
        processing=shown.get("status") == "processing" and body.get("status") == "open",
        tried=failed is not None or asks,
        method=named(failed.get("payment_method")) if failed else "",
        intent=named(intent),
        attempts=attempts if type(attempts) is int else 0,
        failed=failed or (AUTHENTICATE if asks else None),
    )


def one_of(subscription: str) -> Reads:
    """Return how an invoice of a subscription is read, with its payment: ``Shown(InvoiceSeen)``."""

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        seen = invoice_in(reply.body, subscription)
        return Lost(False, reply=reply) if seen is None else Shown(seen, reply=reply)

    return Reads(accepted)


def voided(invoice: str) -> Reads:
    """Return how the answers to voiding an invoice are read: ``Shown(True)`` when it is void; else a look tells."""

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        body = reply.body or {}
        if (body.get("object"), body.get("id")) != ("invoice", invoice):
            return Lost(False, reply=reply)
        return Shown(body.get("status") == "void", reply=reply)

    return Reads(accepted, doubts=in_doubt)


def payment_of(body: Mapping[str, Any]) -> object:
    """Return the payment intent of an invoice's default payment: its id, expanded, or an empty text."""
    payments = body.get("payments")
    rows = payments.get("data") if isinstance(payments, Mapping) else None
    found = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    for row in sorted(found, key=lambda row: row.get("is_default") is not True):
        payment = row.get("payment")
        if isinstance(payment, Mapping) and named(payment.get("payment_intent")):
            return payment["payment_intent"]
    return ""
