"""How an invoice is collected: finalised, its PaymentIntent, each attempt, and what a payment makes of all of them."""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from billing.sandbox import events, intents, recurring_events
from billing.sandbox.balances import balanced, spend_balance
from billing.sandbox.intent_body import blank, changed, with_options
from billing.sandbox.intent_rules import check_draft, check_method_fits
from billing.sandbox.invoice_body import intent_of, numbered, payment_of
from billing.sandbox.recurring_events import by_the_clock
from billing.sandbox.refusals import CARD_ERROR, Obj, Refusal, refusal
from billing.sandbox.subscription_ends import DEAD, at_bank, expire, expires_at, owes, subscription_behind
from billing.sandbox.world import Account, Call

DESCRIPTIONS = {"subscription_create": "Subscription creation"}
ASKED = "This payment requires additional user action before it can be completed successfully. Payment can be "
ASKED += "completed using the PaymentIntent associated with the invoice."
TOLD = {"requires_action": "invoice.payment_action_required", "requires_payment_method": "invoice.payment_failed"}
Failed = Callable[[Call, Obj], None]


def finalise(call: Call, invoice: Obj, failed: Failed) -> None:
    """An invoice of which nothing changes any more: open with a payment to come, or paid at once if nothing is due.

    ``failed`` is told of every later attempt on it that comes to nothing.

    Raises:
        Refusal: the amount cannot be charged.
    """
    due = balanced(call.account, invoice["customer"], invoice["total"], invoice["currency"])
    intent = _open_intent(call, invoice | due) if due["amount_due"] else None
    now = call.world.seconds
    spend_balance(call.account, invoice, due)
    invoice |= {
        "status": "open", "number": numbered(call.account, invoice), "effective_at": now,
        "automatically_finalizes_at": None,
        "status_transitions": invoice["status_transitions"] | {"finalized_at": now},
    }  # fmt: skip
    events.record(call, "invoice.finalized", invoice)
    if intent is None:
        invoice["attempted"] = True
        _paid(call, invoice)
        return
    call.account["pi"].add(intent)
    events.record(call, "payment_intent.created", intent)
    call.account.followers[intent["id"]] = lambda told: _follow(by_the_clock(call), invoice, told, failed)
    call.account.add("inpay", _payment(call, invoice, intent), invoice["id"])


def _open_intent(call: Call, invoice: Obj) -> Obj:
    """The PaymentIntent of an invoice, with the platform's share of it; not yet on the account."""
    subscription = subscription_behind(call.account, invoice)
    params: Obj = {
        "amount": invoice["amount_due"], "currency": invoice["currency"], "customer": invoice["customer"],
        "capture_method": "automatic", "setup_future_usage": "off_session",
        "description": DESCRIPTIONS.get(invoice["billing_reason"], "Subscription update"),
    }  # fmt: skip
    if subscription["application_fee_percent"] is not None:
        params["application_fee_amount"] = fee_of(invoice["amount_due"], subscription["application_fee_percent"])
    within = replace(call, params=params)
    intent = changed(within, blank(within)) | {"automatic_payment_methods": None}
    check_draft(within, intent)
    with_options(within, intent)
    return intent


def fee_of(due: int, percent: float) -> int:
    """The platform's share of what an invoice takes, in minor units, rounded to the nearest, halves up.

    Source: docs.stripe.com/connect/subscriptions (it is of the final amount; how it is rounded stands nowhere).
    """
    return int((Decimal(due) * Decimal(str(percent)) / 100).quantize(Decimal(1), ROUND_HALF_UP))


def _payment(call: Call, invoice: Obj, intent: Obj) -> Obj:
    return {
        "id": call.new_id("inpay"), "object": "invoice_payment", "amount_paid": None,
        "amount_requested": invoice["amount_due"], "created": call.world.seconds, "currency": invoice["currency"],
        "invoice": invoice["id"], "is_default": True, "livemode": invoice["livemode"],
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"}, "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }  # fmt: skip


def method_for(account: Account, subscription: Obj, invoice: Obj | None = None) -> str | None:
    """What pays if nothing else is said: the invoice's default, the subscription's, the customer's, in this order.

    Source: docs.stripe.com/billing/subscriptions/payment-methods-setting.
    """
    customer = account["cus"].peek(subscription["customer"])
    wanted = (invoice or {}).get("default_payment_method") or subscription["default_payment_method"]
    wanted = wanted or (customer["invoice_settings"]["default_payment_method"] if customer else None)
    return str(wanted) if wanted else None


def attempt(call: Call, invoice: Obj, method: Obj, *, off_session: bool = True) -> None:
    """Try once to collect an open invoice with this payment method.

    Raises:
        Refusal: the method cannot pay it (400), the bank said no, or it asks for the payer (402).
    """
    intent = intent_of(call.account, invoice)
    assert intent is not None  # noqa: S101  an open invoice has one
    if intent["status"] == "canceled":
        raise refusal("The payment of this invoice was canceled.", code="payment_intent_unexpected_state")
    asks = call.world.config.recurring.asks_payer
    within = replace(call, params={"off_session": off_session and not asks})
    check_method_fits(within, intent, method)
    invoice |= {"attempted": True, "attempt_count": max(1, invoice["attempt_count"])}
    intents.try_once(within, intent, method)
    if intent["status"] == "requires_action":
        raise refusal(
            ASKED, status=402, code="invoice_payment_intent_requires_action", kind=CARD_ERROR,
            payment_intent=dict(intent),
        )  # fmt: skip


def _follow(call: Call, invoice: Obj, intent: Obj, failed: Failed) -> None:
    """An intent has changed, by whatever request or day: its invoice and subscription follow."""
    subscription = subscription_behind(call.account, invoice)
    if intent["status"] == "succeeded":
        _paid(call, invoice)
    else:
        _unpaid(call, invoice, intent, failed)
    recurring_events.changed(call, subscription)


def _unpaid(call: Call, invoice: Obj, intent: Obj, failed: Failed) -> None:
    """The attempt is over or waits for somebody, and the invoice is still open."""
    subscription = subscription_behind(call.account, invoice)
    invoice |= {"attempted": True, "attempt_count": max(1, invoice["attempt_count"])}
    if at_bank(call.account, invoice):
        if call.world.config.recurring.debit_activates and subscription["status"] == "incomplete":
            subscription["status"] = "active"
    elif kind := TOLD.get(intent["status"]):
        if subscription["status"] == "incomplete" and call.world.now >= expires_at(call, subscription):
            expire(call, subscription)
        failed(call, invoice)
        events.record(call, kind, invoice)


def _paid(call: Call, invoice: Obj) -> None:
    now, account = call.world.seconds, call.account
    paid = {"status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0, "auto_advance": False}
    invoice |= paid | {
        "next_payment_attempt": None, "status_transitions": invoice["status_transitions"] | {"paid_at": now},
    }  # fmt: skip
    if payment := payment_of(account, invoice):
        payment |= {
            "status": "paid", "amount_paid": invoice["amount_due"],
            "status_transitions": payment["status_transitions"] | {"paid_at": now},
        }  # fmt: skip
        events.record(call, "invoice_payment.paid", payment)
    for kind in ("invoice.paid", "invoice.payment_succeeded"):
        events.record(call, kind, invoice)
    subscription = subscription_behind(account, invoice)
    if subscription["status"] in DEAD:
        return
    _remember(account, subscription, invoice)
    late = subscription["status"] in ("past_due", "unpaid") and not owes(account, subscription)
    if subscription["status"] == "incomplete" or late:
        subscription["status"] = "active"


def _remember(account: Account, subscription: Obj, invoice: Obj) -> None:
    """``save_default_payment_method``: what paid becomes the subscription's default."""
    intent = intent_of(account, invoice)
    if intent and subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
        subscription["default_payment_method"] = intent["payment_method"]


def tried(call: Call, invoice: Obj, method: Obj) -> Refusal | None:
    """One attempt whose refusal is an answer, not an error."""
    try:
        attempt(call, invoice, method)
    except Refusal as said:
        return said
    return None
