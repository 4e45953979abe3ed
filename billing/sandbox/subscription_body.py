"""A subscription as it is shown, and what the parameters of a request make of it."""

from dataclasses import replace
from decimal import Decimal

from billing.sandbox import periods
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid, missing
from billing.sandbox.shelves import list_of
from billing.sandbox.subscription_items import cycle_of, items_of
from billing.sandbox.world import Call

UNSET = ("billing_thresholds", "canceled_at", "customer_account", "days_until_due", "default_payment_method",
         "default_source", "description", "ended_at", "latest_invoice", "managed_payments",
         "next_pending_invoice_item_invoice", "on_behalf_of", "pause_collection", "pending_invoice_item_interval",
         "pending_setup_intent", "pending_update", "schedule", "test_clock", "transfer_data", "trial_end",
         "trial_start")  # fmt: skip
AUTOMATIC = "charge_automatically"
FLEXIBLE = "flexible"
LONGEST_TRIAL_DAYS = 730
ENDS_OF_PERIOD = ("max_billed_until", "max_period_end", "min_period_end")  # one period here, so all three are its end


def blank(call: Call, customer: Obj, rows: list[Obj], wanted: str) -> Obj:
    """A new subscription of a customer before any other parameter is read."""
    url = f"/v1/subscription_items?subscription={wanted}"
    return {
        "id": wanted, "object": "subscription", **dict.fromkeys(UNSET),
        "application": call.world.application if call.connected else None, "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": call.world.seconds, "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": FLEXIBLE}, "billing_schedules": [],
        "cancel_at": None, "cancel_at_period_end": False,
        "cancellation_details": dict.fromkeys(("comment", "feedback", "feedback_option", "reason")),
        "collection_method": AUTOMATIC, "created": call.world.seconds, "currency": rows[0]["price"]["currency"],
        "customer": customer["id"], "default_tax_rates": [], "discounts": [],
        "invoice_settings": {
            "account_tax_ids": None, "custom_fields": None, "description": None, "footer": None,
            "issuer": {"type": "self"},
        },
        "items": list_of(rows, url), "livemode": call.livemode, "metadata": {},
        "payment_settings": {
            "payment_method_options": None, "payment_method_types": None, "save_default_payment_method": "off",
        },
        "start_date": call.world.seconds, "status": "incomplete",
        "trial_settings": {"end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}},
    }  # fmt: skip


def changed(call: Call, subscription: Obj) -> Obj:
    """The subscription as this request would have it, apart from its items and times.

    Raises:
        Refusal: 400 naming the parameter.
    """
    params, draft = call.params, dict(subscription)
    draft["metadata"] = merged(subscription["metadata"], params.get("metadata"))
    if "description" in params:
        draft["description"] = params["description"] or None
    if "application_fee_percent" in params:
        draft["application_fee_percent"] = _percent(call)
    if "default_payment_method" in params:
        draft["default_payment_method"] = _method(call, subscription["customer"])
    if saving := (params.get("payment_settings") or {}).get("save_default_payment_method"):
        draft["payment_settings"] = draft["payment_settings"] | {"save_default_payment_method": saving}
    if "trial_settings" in params:
        draft["trial_settings"] = _trial_settings(params["trial_settings"]["end_behavior"])
    _refuse_unserved_words(params)
    return draft


def _refuse_unserved_words(params: Obj) -> None:
    if params.get("collection_method", AUTOMATIC) != AUTOMATIC:
        raise invalid("The sandbox does not serve invoices that are sent.", "collection_method")
    if (params.get("billing_mode") or {}).get("type", FLEXIBLE) != FLEXIBLE:
        raise invalid("The sandbox serves the billing mode `flexible` alone.", "billing_mode[type]")


def _trial_settings(given: Obj) -> Obj:
    behavior = given.get("missing_payment_method", "create_invoice")
    if behavior == "pause":
        raise invalid("The sandbox does not serve paused subscriptions.", "trial_settings[end_behavior]")
    return {"end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": behavior}}


def _percent(call: Call) -> float | None:
    """The platform's share of each invoice: 0 to 100, at most two decimals, only on a connected account.

    Source: docs.stripe.com/connect/subscriptions.
    """
    given = call.params["application_fee_percent"]
    if given == "":
        return None
    exact = Decimal(given)
    if not call.connected:
        message = "Can only apply an application_fee_percent to a direct payment (using the Stripe-Account header)."
        raise invalid(message, "application_fee_percent", "application_fees_not_allowed")
    if not 0 <= exact <= 100 or exact != round(exact, 2):
        message = "Invalid application_fee_percent: must be between 0 and 100, with at most two decimal places."
        raise invalid(message, "application_fee_percent")
    return float(exact)


def _method(call: Call, customer: str) -> str | None:
    """The default a request names, attached to this customer; an empty text clears it."""
    wanted = call.params["default_payment_method"]
    if not wanted:
        return None
    row = call.account["pm"].peek(wanted)
    if row is None or row["customer"] != customer:
        message = "The customer does not have a payment method with the ID "
        message += f"{wanted}. The payment method must be attached to the customer."
        raise invalid(message, "default_payment_method", "resource_missing")
    return str(wanted)


def customer_of(call: Call) -> Obj:
    """The customer a new subscription is for.

    Raises:
        Refusal: none is named, or there is none of this id.
    """
    if "customer" not in call.params:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    row = call.account["cus"].peek(call.params["customer"])
    if row is None or row["livemode"] != call.livemode:
        raise missing("customer", call.params["customer"], "customer", 400)
    return row


def check_currency(call: Call, customer: Obj, draft: Obj) -> None:
    """A customer is invoiced in one currency (docs.stripe.com/api/customers/object).

    Raises:
        Refusal: its live subscriptions are in another one, or the request names another than its prices.
    """
    currency = draft["currency"]
    if call.given("currency", currency).lower() != currency:
        raise invalid(f"The currency of the prices is {currency}.", "currency")
    alive = {row["currency"] for row in call.account.of("sub", customer["id"]) if not row["ended_at"]}
    if alive - {currency}:
        message = "You cannot combine currencies on a single customer. This customer has an active subscription in "
        raise invalid(f"{message}{min(alive)}.", "items")
    customer["currency"] = currency


def details_of(subscription: Obj, given: Obj | None) -> Obj:
    """What is kept of why a subscription ends, after a request that says some of it."""
    said = {name: given[name] or None for name in ("comment", "feedback") if name in given} if given else {}
    return dict(subscription["cancellation_details"] | said)


def trial_end_of(call: Call) -> int | None:
    """When the trial that a request asks for ends, or none.

    Raises:
        Refusal: both ways of saying it, in the past, or more than two years away.
    """
    params, now = call.params, call.world.seconds
    if "trial_end" in params and "trial_period_days" in params:
        message = "You may only specify one of these parameters: trial_end, trial_period_days."
        raise invalid(message, "trial_period_days", "parameters_exclusive")
    days: int = params.get("trial_period_days", 0)
    end: int | str | None = params.get("trial_end", now + days * periods.DAY_SECONDS if days > 0 else None)
    if end is None or isinstance(end, str):
        return None
    if end <= now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
    if end > now + LONGEST_TRIAL_DAYS * periods.DAY_SECONDS:
        raise invalid("Invalid timestamp: can be no more than two years in the future.", "trial_end")
    return end


def anchor_of(call: Call, draft: Obj) -> int:
    """Where the cycle of a new subscription begins: as asked, else with the end of its trial, else now.

    Raises:
        Refusal: in the past, more than a period away, or beside a trial that ends at another time.
    """
    params, now = call.params, call.world.seconds
    usual: int = draft["trial_end"] or now
    if "billing_cycle_anchor" in params and "billing_cycle_anchor_config" in params:
        message = "You may only specify one of these parameters: billing_cycle_anchor, billing_cycle_anchor_config."
        raise invalid(message, "billing_cycle_anchor_config", "parameters_exclusive")
    if "billing_cycle_anchor" in params:
        anchor: int = params["billing_cycle_anchor"]
    elif "billing_cycle_anchor_config" in params:
        anchor = _configured(draft, params["billing_cycle_anchor_config"], now)
    else:
        return usual
    if draft["trial_end"] and anchor != draft["trial_end"]:
        raise invalid("The sandbox does not serve a trial beside an anchor of its own.", "billing_cycle_anchor")
    natural = replace(cycle_of(draft), anchor=now).boundary(1)
    if not now < anchor <= natural:
        message = "billing_cycle_anchor must be in the future, and no later than the next natural billing date "
        raise invalid(f"{message}({natural}).", "billing_cycle_anchor")
    return anchor


def _configured(draft: Obj, given: Obj, now: int) -> int:
    interval = items_of(draft)[0]["price"]["recurring"]["interval"]
    if interval not in periods.MONTHS:
        message = "billing_cycle_anchor_config can only be used with monthly and yearly prices."
        raise invalid(message, "billing_cycle_anchor_config")
    if not 1 <= given["day_of_month"] <= 31:
        raise invalid("This value must be between 1 and 31.", "billing_cycle_anchor_config[day_of_month]")
    return periods.configured(now, given)


def cancel_at_of(call: Call, draft: Obj) -> Obj:
    """The fields about a later end, as this request would have them.

    Raises:
        Refusal: a moment that is past, two ways of saying it, or one within the period that asks for a proration.
    """
    params = call.params
    end = items_of(draft)[0]["current_period_end"]
    if params.get("cancel_at") and params.get("cancel_at_period_end"):
        message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        raise invalid(message, "cancel_at_period_end", "parameters_exclusive")
    if params.get("cancel_at_period_end"):
        return _ending(call, draft, end, at_period_end=True)
    if (params.get("cancel_at_period_end") is False and draft["cancel_at_period_end"]) or params.get("cancel_at") == "":
        return _going_on(draft)
    wanted = params.get("cancel_at")
    if wanted is None:
        return {}
    at: int = end if wanted in ENDS_OF_PERIOD else wanted
    if not isinstance(at, int) or at <= call.world.seconds:
        raise invalid("cancel_at must be a timestamp in the future.", "cancel_at")
    free = draft["trial_end"] is not None and at <= draft["trial_end"]
    if at < end and not free and params.get("proration_behavior") != "none":
        message = "The sandbox does not serve prorations of an end within the period; pass `proration_behavior=none`."
        raise invalid(message, "cancel_at")
    return _ending(call, draft, at, at_period_end=False)


def _ending(call: Call, draft: Obj, at: int, *, at_period_end: bool) -> Obj:
    details = draft["cancellation_details"] | {"reason": "cancellation_requested"}
    return {
        "cancel_at": at, "cancel_at_period_end": at_period_end, "canceled_at": call.world.seconds,
        "cancellation_details": details,
    }  # fmt: skip


def _going_on(draft: Obj) -> Obj:
    details = draft["cancellation_details"] | {"reason": None}
    return {
        "cancel_at": None, "cancel_at_period_end": False, "canceled_at": None, "cancellation_details": details,
    }  # fmt: skip
