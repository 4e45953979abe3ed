"""What belongs to the link of a payer with a connected account: its customer there, the copy that pays, the product."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from billing.core.calls import Reads
from billing.core.exits import Exit
from billing.core.objects.subscription import named
from billing.core.outcomes import Expected, Halt, LookWhy, Lost, Made, Outcome, Refused
from billing.core.replies import Reply

Shows = Callable[[Mapping[str, Any]], bool]
_ids = {
    "customer": re.compile(r"cus_[A-Za-z0-9_]{1,250}").fullmatch,
    "payment_method": re.compile(r"pm_[A-Za-z0-9_]{1,250}").fullmatch,
    "product": re.compile(r"[A-Za-z0-9_-]{1,255}").fullmatch,
}


def _made(kind: str, shows: Shows) -> Reads:
    """Return how an answer is read that is believed if it shows an object of this kind, as it was asked for."""

    def accepted(reply: Reply, expected: Expected) -> Outcome:
        body = reply.body or {}
        told = body.get("id")
        if body.get("object") != kind or not isinstance(told, str) or _ids[kind](told) is None or not shows(body):
            return Lost(False, reply=reply)
        if body.get("livemode") != expected.livemode:
            return Halt(Exit.STOPPED, f"{kind} {told}: livemode is {body.get('livemode')}", reply=reply)
        return Made(told, reply=reply)

    return Reads(accepted, doubts=_believed)


def _believed(_refused: Refused, _reply: Reply, _expected: Expected) -> LookWhy | None:
    """Believe a refusal as it comes: nothing that it is about counts for anything."""
    return None


def customer(wanted: str) -> Reads:
    """Return how a customer is read that was changed: this very one."""
    return _made("customer", lambda body: body.get("id") == wanted)


def labelled(kind: str, metadata: Mapping[str, str]) -> Reads:
    """Return how an object of this kind is read that was made with this metadata: whose it is stands in it.

    Without that an answer counts for nothing: something on the way may have mixed up two.
    """

    def shows(body: Mapping[str, Any]) -> bool:
        told = body.get("metadata")
        said = told if isinstance(told, Mapping) else {}
        return all(said.get(name, unsaid(name)) == value for name, value in metadata.items())

    def unsaid(name: str) -> str | None:
        """Whether a copy keeps the metadata it is asked for is not documented: one that says nothing is believed."""
        return metadata[name] if kind == "payment_method" else None

    return _made(kind, shows)


def attached(method: str, customer_id: str) -> Reads:
    """Return how a copy is read that was attached: to this very customer."""
    return _made("payment_method", lambda body: body.get("id") == method and named(body.get("customer")) == customer_id)


def default_of(body: Mapping[str, Any]) -> str:
    """Return what a customer pays with by default, or an empty text. (docs.stripe.com/api/customers/object)"""
    settings = body.get("invoice_settings")
    return named(settings.get("default_payment_method")) if isinstance(settings, Mapping) else ""


def has_credit(body: Mapping[str, Any]) -> bool:
    """Tell whether a customer has a credit balance, or a discount on all that is invoiced to it."""
    balance = body.get("balance")
    return (type(balance) is int and balance < 0) or bool(body.get("discount"))
