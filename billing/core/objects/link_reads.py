"""How the answers about a link are read: two customers, copies, subscriptions. In doubt nothing is shown."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.core.calls import Reads
from billing.core.exits import Exit
from billing.core.objects.link import CARRIED, LINK, METHOD, Copy, Payer, change_of
from billing.core.outcomes import Expected, Halt, Lost, Made, Outcome, Shown
from billing.core.replies import Reply

OVER = frozenset({"canceled", "incomplete_expired"})
# Subscriptions that will never charge anything again. (docs.stripe.com/billing/subscriptions/overview)


@dataclass(frozen=True, slots=True)
class CustomerSeen:
    """The customer of a connected account.

    Attributes:
        deleted: it is no more.
        default: its default payment method, or empty.
        fields: what is carried over (`billing.core.objects.link.CARRIED`); it reaches Stripe and nothing else.
    """

    deleted: bool
    default: str = ""
    fields: Mapping[str, object] = field(default_factory=dict, repr=False)


def payer_of(payer: str) -> Reads:
    """Return how a read of a platform customer with its default is read: ``Shown(Payer)``."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = seen_payer(reply.body or {}, payer, livemode=expected.livemode)
        return Lost(False, reply=reply) if seen is None else Shown(seen, reply=reply)

    return Reads(accepted)


def seen_payer(body: Mapping[str, Any], payer: str, *, livemode: bool) -> Payer | None:
    """Return what a platform customer shows that was read with its default method, or None for what is none."""
    if not _is_customer(body, payer, livemode=livemode):
        return None
    if body.get("deleted") is True:
        return Payer(deleted=True)
    default = _default(body)
    if default is None:
        return Payer(False, fields=_carried(body))
    if not isinstance(default, Mapping) or not isinstance(default.get("id"), str):
        return None  # asked for whole, it must come whole
    if _named(default.get("customer")) != payer:
        return Payer(False, fields=_carried(body))  # detached, and still named: it will never work again
    return Payer(False, default["id"], _change(default["id"], default), _carried(body))


def _change(original: str, method: Mapping[str, Any]) -> str:
    """Return what a copy of a platform's method is made of, by that method or by a copy of it."""
    details = method.get(str(method.get("type")))
    told: Mapping[str, Any] = details if isinstance(details, Mapping) else {}
    month, year = told.get("exp_month"), told.get("exp_year")
    expiry = (month, year) if type(month) is int and type(year) is int else None
    return change_of(original, expiry, str(told.get("last4") or ""))


def customer_of(customer: str) -> Reads:
    """Return how a read of a connected customer is read: ``Shown(CustomerSeen)``."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        seen = seen_customer(reply.body or {}, customer, livemode=expected.livemode)
        return Lost(False, reply=reply) if seen is None else Shown(seen, reply=reply)

    return Reads(accepted)


def seen_customer(body: Mapping[str, Any], customer: str, *, livemode: bool) -> CustomerSeen | None:
    """Return what a connected customer shows, or None for what is none."""
    if not _is_customer(body, customer, livemode=livemode):
        return None
    return CustomerSeen(body.get("deleted") is True, _named(_default(body)), _carried(body))


def subscriptions_of(customer: str) -> Reads:
    """Return how a list of a customer's subscriptions is read: ``Shown`` of each one's own method, empty for none."""

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        rows = _rows(reply)
        seen = None if rows is None else own_methods(rows, customer)
        return Lost(False, reply=reply) if seen is None else Shown(seen, reply=reply)

    return Reads(accepted)


def own_methods(rows: Iterable[Mapping[str, Any]], customer: str) -> dict[str, str] | None:
    """Return the subscriptions of a list that live, each with the method that it names itself, or empty."""
    found: dict[str, str] = {}
    for row in rows:
        if (row.get("object"), _named(row.get("customer"))) != ("subscription", customer):
            return None
        if row.get("status") not in OVER:
            found[str(row["id"])] = _named(row.get("default_payment_method"))
    return found


def methods_of(customer: str) -> Reads:
    """Return how a list of a customer's payment methods is read: ``Shown(tuple of Copy)``."""

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        rows = _rows(reply)
        seen = None if rows is None else copies_in(rows, customer)
        return Lost(False, reply=reply) if seen is None else Shown(seen, reply=reply)

    return Reads(accepted)


def copies_in(rows: Iterable[Mapping[str, Any]], customer: str) -> tuple[Copy, ...] | None:
    """Return the payment methods of a list, all of which are attached to a customer."""
    found = [_copy(row, customer) for row in rows]
    return None if None in found else tuple(copy for copy in found if copy is not None)


def cloned(link: str, method: str) -> Reads:
    """Return how the answers to a clone are read: ``Made(copy id)``, if it is the copy that was asked for."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        body = reply.body or {}
        metadata = body.get("metadata")
        told = metadata if isinstance(metadata, Mapping) else {}
        named = body.get("id")
        is_ours = (told.get(LINK), told.get(METHOD)) == (link, method)
        if body.get("object") != "payment_method" or not is_ours or not _is_method(named):
            return Lost(False, reply=reply)
        if body.get("livemode") is not expected.livemode:
            return Halt(Exit.STOPPED, f"copy {named}: livemode is {body.get('livemode')}", reply=reply)
        return Made(str(named), reply=reply)

    return Reads(accepted)


def changed(object_type: str, named: str) -> Reads:
    """Return how the answers to a change of an object are read: ``Shown(its id)``, if it is the object itself."""

    def accepted(reply: Reply, _expected: Expected) -> Outcome:
        body = reply.body or {}
        alike = (body.get("object"), body.get("id")) == (object_type, named)
        return Shown(named, reply=reply) if alike else Lost(False, reply=reply)

    return Reads(accepted)


def _is_customer(body: Mapping[str, Any], named: str, *, livemode: bool) -> bool:
    if (body.get("object"), body.get("id")) != ("customer", named):
        return False
    return body.get("deleted") is True or body.get("livemode") is livemode  # of a deleted one nothing else is shown


def _default(body: Mapping[str, Any]) -> object:
    settings = body.get("invoice_settings")
    return settings.get("default_payment_method") if isinstance(settings, Mapping) else None


def _carried(body: Mapping[str, Any]) -> Mapping[str, object]:
    return {name: body.get(name) for name in CARRIED}


def _rows(reply: Reply) -> list[Mapping[str, Any]] | None:
    """Return the rows of a whole list; one that is cut short would hide what must be moved or kept."""
    body = reply.body or {}
    rows = body.get("data")
    if body.get("object") != "list" or body.get("has_more") is not False or not isinstance(rows, list):
        return None
    shaped = all(isinstance(row, Mapping) and isinstance(row.get("id"), str) for row in rows)
    return rows if shaped else None


def _copy(row: Mapping[str, Any], customer: str) -> Copy | None:
    metadata, created = row.get("metadata"), row.get("created")
    if (row.get("object"), _named(row.get("customer"))) != ("payment_method", customer) or type(created) is not int:
        return None
    told = metadata if isinstance(metadata, Mapping) else {}
    original = _text(told.get(METHOD))
    return Copy(str(row["id"]), created, _text(told.get(LINK)), _change(original, row) if original else "")


def _named(value: object) -> str:
    """Return the id of an object that comes as its id, expanded, or not at all."""
    return _text(value.get("id") if isinstance(value, Mapping) else value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_method(named: object) -> bool:
    return isinstance(named, str) and _method_id(named) is not None


_method_id: Callable[[str], object] = re.compile(r"pm_[A-Za-z0-9_]{1,250}").fullmatch
