"""Subscriptions: opened, cancelled, listed (docs.stripe.com/api/subscriptions)."""

from fractions import Fraction

from billing.sandbox import recurring_events
from billing.sandbox.balances import balanced
from billing.sandbox.collecting import finalise, method_for, tried
from billing.sandbox.intent_rules import check_can_charge
from billing.sandbox.invoice_body import draft as drafted
from billing.sandbox.invoice_body import intent_of
from billing.sandbox.refusals import CARD_ERROR, Obj, Refusal, invalid, missing, refusal
from billing.sandbox.renewals import failed, watch
from billing.sandbox.shelves import fits
from billing.sandbox.subscription_body import (
    anchor_of,
    blank,
    cancel_at_of,
    changed,
    check_currency,
    customer_of,
    details_of,
    trial_end_of,
)
from billing.sandbox.subscription_ends import DEAD, end, void
from billing.sandbox.subscription_items import cost, cycle_of, items_of, new_items, prices_in, set_period
from billing.sandbox.tariff import check_amount
from billing.sandbox.world import Account, Call

ALLOW, DEFAULT, ERROR = "allow_incomplete", "default_incomplete", "error_if_incomplete"
ASKED = "Payment for this subscription requires additional user action before it can be completed successfully."
NO_METHOD = "This customer has no attached payment source or default payment method. Please consider adding a default "
NO_METHOD += "payment method."


def create(call: Call) -> Obj:
    """Open a subscription with its first invoice, and collect it as ``payment_behavior`` says.

    Raises:
        Refusal: a parameter is wrong (400), or nothing was paid and that was to be an error (402); then there is none.
    """
    behavior = call.params.get("payment_behavior", ALLOW)
    if behavior not in (ALLOW, DEFAULT, ERROR):
        raise invalid("This value cannot be used when creating a subscription.", "payment_behavior")
    body = _draft(call)
    part = _first_part(call, body)
    method = _first_method(call, body)
    _check_due(call, body, part, needs_method=method is None and behavior != DEFAULT)
    call.account.add("sub", body, body["customer"])
    _open(call, body, part)
    if behavior == ERROR:  # one that is not paid will never have been there
        _collect_first(call, body, method, behavior)
    recurring_events.opened(call, body)
    if behavior != ERROR:
        _collect_first(call, body, method, behavior)
    watch(call, body)
    return body


def _draft(call: Call) -> Obj:
    """The subscription a request asks for, not yet on the account."""
    customer, wanted, now = customer_of(call), call.new_id("sub"), call.world.seconds
    rows = new_items(call, wanted, call.params.get("items", []))
    body = changed(call, blank(call, customer, rows, wanted))
    check_currency(call, customer, body)
    if (trial_end := trial_end_of(call)) is not None:
        body |= {"trial_start": now, "trial_end": trial_end}
    anchor = anchor_of(call, body)
    given = call.params.get("billing_cycle_anchor_config")
    config = {"hour": None, "minute": None, "month": None, "second": None} | given if given else None
    body |= {"billing_cycle_anchor": anchor, "billing_cycle_anchor_config": config}
    set_period(rows, now, anchor if anchor > now else cycle_of(body).around(now)[1])
    return body | cancel_at_of(call, body)


def _first_part(call: Call, body: Obj) -> Fraction:
    """Which part of a period the first invoice is for: none in a trial, or before an anchor without prorations."""
    row, now = items_of(body)[0], call.world.seconds
    if body["trial_end"]:
        return Fraction(0)
    if body["billing_cycle_anchor"] == now:
        return Fraction(1)
    if call.params.get("proration_behavior") == "none":
        return Fraction(0)
    return cycle_of(body).share(now, row["current_period_end"])


def _check_due(call: Call, body: Obj, part: Fraction, *, needs_method: bool) -> None:
    """Whether what is due at once can be charged.

    Raises:
        Refusal: the account cannot charge, the amount cannot be, or there is nothing to charge it with.
    """
    total = sum(cost(row, part) for row in items_of(body))
    due: int = balanced(call.account, body["customer"], total, body["currency"])["amount_due"]
    if not due:
        return
    check_can_charge(call)
    check_amount(due, body["currency"], ["card"])
    if needs_method:
        raise refusal(NO_METHOD, code="resource_missing")


def _first_method(call: Call, body: Obj) -> Obj | None:
    wanted = method_for(call.account, body)
    method = call.account["pm"].peek(wanted) if wanted else None
    return method if method is not None and method["customer"] == body["customer"] else None


def _open(call: Call, body: Obj, part: Fraction) -> None:
    """The first invoice, finalised within the request; one over nothing is paid."""
    body["status"] = "trialing" if body["trial_end"] else "incomplete"
    free = not part and not body["trial_end"]
    if free and not call.world.config.recurring.nothing_invoiced:
        body["status"] = "active"
        return
    row = items_of(body)[0]
    period = (row["current_period_start"], row["current_period_end"])
    invoice = drafted(call, body, "subscription_create", period, part)
    body["latest_invoice"] = invoice["id"]
    try:
        finalise(call, invoice, failed)
    except Refusal:
        _undo(call.account, body, invoice)
        raise


def _undo(account: Account, body: Obj, invoice: Obj) -> None:
    account["sub"].remove(body)
    account["in"].remove(invoice)


def _collect_first(call: Call, body: Obj, method: Obj | None, behavior: str) -> None:
    """The first attempt of a subscription; with ``default_incomplete`` there is none, and the method waits."""
    if body["status"] != "incomplete":
        return
    invoice = call.find("in", body["latest_invoice"])
    if method is None or behavior == DEFAULT:
        intent = intent_of(call.account, invoice)
        if intent is not None and method is not None and method["type"] in intent["payment_method_types"]:
            intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
        return
    said = tried(call, invoice, method)
    if said is None or (said.status == 402 and behavior == ALLOW):
        return
    void(call, invoice)
    _undo(call.account, body, invoice)
    if said.error.get("code") == "invoice_payment_intent_requires_action":
        raise refusal(ASKED, status=402, code="subscription_payment_intent_requires_action", kind=CARD_ERROR)
    raise said


def retrieve(call: Call) -> Obj:
    """One subscription of this account, dead ones too."""
    return call.find("sub", call.ids[0])


def cancel(call: Call) -> Obj:
    """End a subscription now and for good; what an open invoice of it asks for is not collected any more.

    Raises:
        Refusal: it is over already (404), or a final invoice is asked for.
    """
    body = call.find("sub", call.ids[0])
    if body["status"] in DEAD:
        raise missing("subscription", body["id"])
    for name in ("invoice_now", "prorate"):
        if call.params.get(name):
            raise invalid(f"The sandbox does not serve the parameter `{name}`.", name)
    body["cancellation_details"] = details_of(body, call.params.get("cancellation_details"))
    end(call, body, "cancellation_requested")
    recurring_events.changed(call, body)
    return body


def listed(call: Call) -> Obj:
    """Subscriptions of this account, newest first; those that are over only if ``status`` asks for them."""
    params = call.params
    status, price = params.get("status"), params.get("price", params.get("plan"))
    method = params.get("collection_method")
    times = [(name, fits(params.get(name))) for name in ("current_period_end", "current_period_start")]

    def keep(row: Obj) -> bool:
        first = items_of(row)[0]
        return (
            _has_status(row["status"], status)
            and (price is None or price in prices_in(row))
            and method in (None, row["collection_method"])
            and all(in_time(first[name]) for name, in_time in times)
        )

    shelf = call.account.shelf_of("sub", params.get("customer"))
    return shelf.page(params, "/v1/subscriptions", call.livemode, keep)


def _has_status(status: str, wanted: str | None) -> bool:
    if wanted is None:
        return status not in DEAD
    if wanted == "ended":
        return status in DEAD
    return wanted in ("all", status)
