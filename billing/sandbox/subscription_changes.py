"""Changes of a subscription: what may change in which state, and what a change starts.

Source: docs.stripe.com/api/subscriptions/update.
"""

from billing.sandbox import recurring_events
from billing.sandbox.refusals import Obj, Refusal, invalid, refusal
from billing.sandbox.renewals import advance, begin_period, watch
from billing.sandbox.subscription_body import cancel_at_of, changed, details_of, trial_end_of
from billing.sandbox.subscription_ends import DEAD
from billing.sandbox.subscription_items import changed_items, items_of, set_period
from billing.sandbox.world import Call

ALWAYS = frozenset({"cancellation_details", "expand", "metadata"})
WHILE_INCOMPLETE = ALWAYS | {"default_payment_method", "off_session", "payment_behavior", "proration_behavior"}


def update(call: Call) -> Obj:
    """Change a subscription; an update that is refused changes nothing.

    Raises:
        Refusal: 400: it is over, not yet paid, or asks for a proration.
    """
    body = call.find("sub", call.ids[0])
    _check_state(body, call.params)
    draft = changed(call, body)
    draft["cancellation_details"] = details_of(body, call.params.get("cancellation_details"))
    draft |= cancel_at_of(call, draft)
    rows = _items(call, body)
    trial = _trial(call, body)
    body |= draft
    body["items"]["data"] = rows
    if trial is not None:
        _move_trial(call, body, trial)
    watch(call, body)
    recurring_events.changed(call, body)
    return body


def _check_state(body: Obj, params: Obj) -> None:
    if body["status"] in DEAD and params.keys() - ALWAYS:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise refusal(message, code="invalid_canceled_subscription_fields")
    if body["status"] == "incomplete" and (others := params.keys() - WHILE_INCOMPLETE):
        message = "This subscription is incomplete: its first invoice was not paid. Only its metadata and its default "
        raise _not_now(f"{message}payment method can be updated.", min(others))
    if (params.get("billing_cycle_anchor") or {}).get("type", "unchanged") != "unchanged":
        raise invalid("The sandbox does not serve an anchor that is moved.", "billing_cycle_anchor[type]")


def _not_now(message: str, param: str) -> Refusal:
    return refusal(message, param=param)


def _items(call: Call, body: Obj) -> list[Obj]:
    """The items as they will be from the next period on; what was paid for this one stays as it was."""
    if "items" not in call.params:
        return items_of(body)
    rows = changed_items(call, body, call.params["items"])
    if call.params.get("proration_behavior") != "none" and body["status"] != "trialing":
        message = "The sandbox does not serve prorations; pass `proration_behavior=none`."
        raise invalid(message, "proration_behavior")
    return rows


def _trial(call: Call, body: Obj) -> int | None:
    """The new end of a running trial, which may be now; none if the request does not move it."""
    if "trial_end" not in call.params:
        return None
    if body["status"] != "trialing":
        raise invalid("The sandbox does not serve a trial that begins later.", "trial_end")
    return trial_end_of(call) or call.world.seconds


def _move_trial(call: Call, body: Obj, trial_end: int) -> None:
    start = items_of(body)[0]["current_period_start"]
    body |= {"trial_end": trial_end, "billing_cycle_anchor": trial_end}
    set_period(items_of(body), start, trial_end)
    if trial_end <= call.world.seconds:
        advance(call, begin_period(call, body, trial_end, "subscription_update"))
