"""What a subscription and its invoices show of an end that was asked for. When in doubt, nothing is concluded.

Two reads are never of one moment. So the subscription is read first and its invoices after it: one that is over makes
no new invoice, and what is paid or void stays so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from billing.core.calls import Reads
from billing.core.items import When
from billing.core.objects.invoice import in_doubt, invoice_id, owner_of
from billing.core.objects.moments import ends_at_of, period_end_of, second
from billing.core.objects.subscription import ALIVE, DEAD, named
from billing.core.outcomes import Expected, Lost, Outcome, Shown
from billing.core.replies import Reply

DRAFT, OPEN = "draft", "open"
COLLECTABLE = (DRAFT, OPEN)
# Statuses of invoices that may still be collected. Cancelling stops only what collects by itself; anybody can pay an
# open one, and a draft of a subscription can be opened but not deleted. (docs.stripe.com/api/subscriptions/cancel,
# docs.stripe.com/api/invoices/delete)


@dataclass(frozen=True, slots=True)
class EndSeen:
    """What a subscription shows of its end.

    Attributes:
        id: ``sub_…``.
        status: Stripe's word.
        item: the item id in its metadata, or empty for one that nobody of ours has made.
        run: the run in its metadata, or empty.
        ends_at: epoch second at which it ends by itself, or has ended; None for one without an end.
        period_end: epoch second at which the current period ends, or None where it is not told.
        at_period_end: whether it says that it ends with its period.
        fee: whether the platform takes a percentage of its invoices.
        cancelled_at: epoch second at which somebody asked for the end, or None.
        latest: its latest invoice, where that may still be collected; a list may lag behind it.
    """

    id: str
    status: str
    item: str = ""
    run: str = ""
    ends_at: int | None = None
    period_end: int | None = None
    at_period_end: bool = False
    fee: bool = False
    cancelled_at: int | None = None
    latest: "Uncollected | None" = None

    @property
    def over(self) -> bool:
        """Whether it is over for ever."""
        return self.status in DEAD

    @property
    def ends_with_period(self) -> bool:
        """Whether it ends when its period does, or before.

        An end set in Stripe's portal may show as a date alone.
        """
        in_time = None not in (self.ends_at, self.period_end) and (self.ends_at or 0) <= (self.period_end or 0)
        return self.at_period_end or in_time


@dataclass(frozen=True, slots=True)
class Uncollected:
    """An invoice that may still be collected: its id (``in_…``), and Stripe's word for it."""

    id: str
    status: str


class Standing(StrEnum):
    """Where the end that was asked for stands, by all that a subscription and its invoices show.

    ``running``: it runs on, or the platform's share was not cleared. ``ending``: it ends with its period, as asked.
    ``collectable``: it is over, and an invoice of it may still be collected. ``over``: nothing more comes of it.
    ``unsure``: it shows a status that nobody here knows.
    """

    RUNNING = "running"
    ENDING = "ending"
    COLLECTABLE = "collectable"
    OVER = "over"
    UNSURE = "unsure"


DONE = frozenset({Standing.ENDING, Standing.OVER})
# Nothing is left to be asked for.


def where_it_stands(when: When, seen: EndSeen, invoices: Sequence[Uncollected], *, clear_fee: bool) -> Standing:
    """Return where an end stands, by a read of the subscription and its invoices (`with_latest`) after that.

    What an end with the period finds over already owes what it owes: its invoices are for time that was served.
    """
    if seen.over:
        return Standing.COLLECTABLE if when is When.NOW and invoices else Standing.OVER
    if seen.status not in ALIVE:
        return Standing.UNSURE
    asked = when is When.PERIOD_END and seen.ends_with_period and not (clear_fee and seen.fee)
    return Standing.ENDING if asked else Standing.RUNNING


def with_latest(seen: EndSeen, listed: Sequence[Uncollected]) -> tuple[Uncollected, ...]:
    """Return the invoices that may still be collected: those listed, and the latest one where the list lacks it."""
    lacks = seen.latest is not None and seen.latest.id not in {one.id for one in listed}
    return (*listed, *((seen.latest,) if lacks and seen.latest else ()))


# --- the answers -----------------------------------------------------------------------------------------------------


def end_of(subscription: str) -> Reads:
    """Return how a read of a subscription is read: ``Shown(EndSeen)``."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        body = reply.body or {}
        shown = body.get("object"), body.get("id"), body.get("livemode")
        if shown != ("subscription", subscription, expected.livemode) or not isinstance(body.get("status"), str):
            return Lost(False, reply=reply)
        return Shown(_seen(body), reply=reply)

    return Reads(accepted)


def _seen(body: Mapping[str, Any]) -> EndSeen:
    metadata = body.get("metadata")
    told = metadata if isinstance(metadata, Mapping) else {}
    return EndSeen(
        id=body["id"],
        status=body["status"],
        item=str(told.get("billing_item") or ""),
        run=str(told.get("billing_run") or ""),
        ends_at=ends_at_of(body),
        period_end=period_end_of(body),
        at_period_end=body.get("cancel_at_period_end") is True,
        fee=body.get("application_fee_percent") is not None,
        cancelled_at=second(body.get("canceled_at")),
        latest=_latest(body.get("latest_invoice"), body["id"]),
    )


def _latest(body: object, subscription: str) -> Uncollected | None:
    """Return the invoice that a read holds whole, if it may still be collected."""
    found = [_uncollected(body, subscription, status) for status in COLLECTABLE]
    return next((one for one in found if one is not None), None)


def collectable_of(subscription: str, status: str) -> Reads:
    """Return how a list of a subscription's invoices of one status is read: ``Shown(tuple of Uncollected)``.

    A page that is not all of them shows enough to go on with; whoever has dealt with it lists again.
    """

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        body = reply.body or {}
        rows = body.get("data")
        if body.get("object") != "list" or not isinstance(rows, list):
            return Lost(False, reply=reply)
        seen = [_uncollected(row, subscription, status) for row in rows]
        return Lost(False, reply=reply) if None in seen else Shown(tuple(seen), reply=reply)

    return Reads(accepted)


def _uncollected(body: object, subscription: str, status: str) -> Uncollected | None:
    """Return an invoice of a subscription in this status, or None for anything else."""
    if not isinstance(body, Mapping) or (body.get("object"), body.get("status")) != ("invoice", status):
        return None
    told = body.get("id")
    if not isinstance(told, str) or invoice_id(told) is None or named(owner_of(body)) != subscription:
        return None
    return Uncollected(told, status)


def answered(kind: str, name: str) -> Reads:
    """Return how the answers to a change of an object are read: ``Shown(name)``, and a read tells what came of it.

    A refusal says nothing of an earlier send whose answer was lost, nor of others: a read follows it.
    """

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        body = reply.body or {}
        if (body.get("object"), body.get("id")) != (kind, name):
            return Lost(False, reply=reply)
        return Shown(name, reply=reply)

    return Reads(accepted, doubts=in_doubt)
