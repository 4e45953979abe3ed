"""What subscriptions and their invoices tell the feed of events (docs.stripe.com/billing/subscriptions/webhooks)."""

from collections.abc import Callable
from dataclasses import replace

from billing.sandbox import events
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

CREATED, UPDATED, DELETED = (f"customer.subscription.{verb}" for verb in ("created", "updated", "deleted"))


def by_the_clock(call: Call) -> Call:
    """The call of what happens later, when nobody asks for it any more."""
    return replace(call, params={}, ids=(), request_id="", idempotency_key=None)


def opened(call: Call, subscription: Obj) -> None:
    """There is a new subscription; from now on its changes are told."""
    events.record(call, CREATED, subscription)
    call.account.told[subscription["id"]] = events.snapshot(subscription)


def changed(call: Call, subscription: Obj) -> None:
    """Tell what has changed of a subscription since it was told last; one that ends by cancelling is deleted."""
    before = call.account.told.get(subscription["id"])
    if before is None:
        return
    ended = subscription["status"] == "canceled" and before["status"] != "canceled"
    events.record(call, DELETED if ended else UPDATED, subscription, before)
    call.account.told[subscription["id"]] = events.snapshot(subscription)


def telling(call: Call, subscription: Obj, act: Callable[[], object]) -> Callable[[], None]:
    """An act of the clock that may change a subscription, and tells what it changed."""

    def acted() -> None:
        act()
        changed(call, subscription)

    return acted
