"""How the answers to a subscription's requests are read: opened, started, looked at, ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.core.calls import Reads
from billing.core.exits import Exit
from billing.core.listed import application_of
from billing.core.objects.invoice import contradiction, in_doubt, invoice_in
from billing.core.objects.subscription import ALIVE, InvoiceSeen, SubscriptionSeen, named, subscription_id
from billing.core.outcomes import Expected, Halt, LookWhy, Lost, Outcome, Refused, Shown, Undecided
from billing.core.replies import Reply

STARTED = "billing_started"
# In the metadata of a subscription: its fuse was cleared by us, so that from then on it renews by itself.


@dataclass(frozen=True, slots=True)
class Opened:
    """What the answer to an open shows: the subscription, and its first invoice, or None where there is none."""

    seen: SubscriptionSeen
    invoice: InvoiceSeen | None


def opened(*, due: bool) -> Reads:
    """Return how the answers to an open are read: ``Shown(Opened)``.

    Where something is due, only an incomplete subscription is believed, with an open invoice of the amount that was
    approved; where nothing is, only one that is not incomplete. A stored answer shows what was true then.
    """

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        body = reply.body or {}
        seen = subscription_in(body)
        if seen is None or seen.item != expected.item_id:
            return Lost(False, reply=reply)
        invoice = invoice_in(body.get("latest_invoice"), seen.id)
        wrong = _wrong(body, seen, invoice, expected, due=due)
        return Halt(Exit.STOPPED, wrong, reply=reply) if wrong else Shown(Opened(seen, invoice), reply=reply)

    return Reads(accepted, doubts=_believed)


def _believed(_refused: Refused, _reply: Reply, _expected: Expected) -> LookWhy | None:
    """Believe the refusal of an open as it comes: what an earlier send has made counts for nothing."""
    return None


def _wrong(
    body: Mapping[str, Any], seen: SubscriptionSeen, invoice: InvoiceSeen | None, expected: Expected, *, due: bool
) -> str:
    """Return the sentence that says how an opened subscription is not what was approved, or empty."""
    if body.get("livemode") != expected.livemode:
        return f"subscription {seen.id}: livemode is {body.get('livemode')}"
    if due != (seen.status == "incomplete"):
        return f"subscription {seen.id}: status is {seen.status}, and {'something' if due else 'nothing'} was due"
    if not due:
        return ""
    if invoice is None:
        return f"subscription {seen.id}: it has no first invoice, and something was due"
    return contradiction(body["latest_invoice"], expected)


def started(which: str) -> Reads:
    """Return how the answers to clearing a fuse are read: ``Shown(SubscriptionSeen)``, alive, marked, without one."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = _of(reply, expected, which)
        if seen is None:
            return Lost(False, reply=reply)
        if reply.replayed or seen.status not in ALIVE or not seen.marked or seen.cancel_at is not None:
            return Undecided(LookWhy.REPLAYED if reply.replayed else LookWhy.STATE, reply=reply)
        return Shown(seen, reply=reply)

    return Reads(accepted, doubts=in_doubt)


def read(which: str) -> Reads:
    """Return how a subscription is read, or the answer to its end: ``Shown(SubscriptionSeen)``."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = _of(reply, expected, which)
        return Lost(False, reply=reply) if seen is None else Shown(seen, reply=reply)

    return Reads(accepted, doubts=in_doubt)


def _of(reply: Reply, expected: Expected, which: str) -> SubscriptionSeen | None:
    body = reply.body or {}
    seen = subscription_in(body)
    same = seen is not None and seen.id == which and seen.item == expected.item_id
    return seen if same and body.get("livemode") == expected.livemode else None


def subscription_in(body: object) -> SubscriptionSeen | None:
    """Return what a subscription shows, or None for what is none."""
    if not isinstance(body, Mapping) or body.get("object") != "subscription":
        return None
    told, status, created = body.get("id"), body.get("status"), body.get("created")
    if not isinstance(told, str) or subscription_id(told) is None or not isinstance(status, str):
        return None
    metadata = body.get("metadata")
    said = metadata if isinstance(metadata, Mapping) else {}
    cancel_at = body.get("cancel_at")
    return SubscriptionSeen(
        id=told,
        status=status,
        customer=named(body.get("customer")),
        item=_text(said.get("billing_item")),
        digest=_text(said.get("billing_digest")),
        created=created if type(created) is int else 0,
        marked=said.get(STARTED) == "1",
        cancel_at=cancel_at if type(cancel_at) is int else None,
        period_end=_period_end(body.get("items")),
        invoice=named(body.get("latest_invoice")),
        application=application_of(body),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _period_end(items: object) -> int | None:
    """Return when the current period ends; it stands in each item. (docs.stripe.com/changelog/basil)"""
    rows = items.get("data") if isinstance(items, Mapping) else None
    first = rows[0] if isinstance(rows, list) and rows else None
    told = first.get("current_period_end") if isinstance(first, Mapping) else None
    return told if type(told) is int else None
