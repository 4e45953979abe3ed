"""What the answer to a look-up shows: an account, a customer, a payment method, a page; or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from billing.core.classify import lacking_permission, refuses_account
from billing.core.errors import BillingError, CredentialsError, ProviderUnreachable, RunStopped
from billing.core.findings import MOST_PREFIX
from billing.core.redaction import quoted
from billing.core.replies import Reply


class Trouble(StrEnum):
    """Why a look-up has no result."""

    MISSING = "missing"  # there is no such object for this key, account and mode
    BARRED = "barred"  # the account does not let this key in
    CREDENTIALS = "credentials"  # the key is refused, or lacks a permission
    REFUSED = "refused"  # the request itself was wrong
    UNANSWERED = "unanswered"  # no usable answer within the budget


UNEXPANDED = frozenset({Trouble.REFUSED, Trouble.CREDENTIALS})
# Troubles of a list that shows payment methods inside customers which a plain list of customers may not have.


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """A look-up without a result.

    Attributes:
        message: holds no key; for a missing permission it names it.
        status: the HTTP status, or 0 when no complete answer came.
    """

    trouble: Trouble
    code: str
    message: str
    request_id: str = ""
    status: int = 0

    def as_error(self) -> BillingError:
        """Return the exception for a caller that cannot go on without the result."""
        text = f"{self.message or self.code} ({self.code})"
        match self.trouble:
            case Trouble.CREDENTIALS:
                return CredentialsError(text)
            case Trouble.UNANSWERED:
                return ProviderUnreachable(text)
            case _:
                return RunStopped(text)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as far as charging it goes.

    Attributes:
        capabilities: names such as ``card_payments`` -> ``active``, ``inactive`` or ``pending``.
        prefix_length: characters that its own start of a card's statement descriptor takes; the text itself may be
            somebody's name and is not kept.
    """

    id: str
    country: str
    default_currency: str
    charges_enabled: bool
    capabilities: Mapping[str, str] = field(default_factory=dict)
    prefix_length: int = 0


@dataclass(frozen=True, slots=True)
class Method:
    """A platform payment method; expiry and fingerprint are None for what is no card."""

    id: str
    type: str
    customer: str | None
    livemode: bool
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """A platform customer.

    Attributes:
        default_method: the payment method of its invoice settings, or None.
        default: that payment method itself where the answer held it, else None.
    """

    id: str
    deleted: bool
    default_method: str | None
    livemode: bool
    default: Method | None = None


def _is_what_was_asked(body: Mapping[str, Any], object_type: str, named: str) -> bool:
    """Tell whether a body is the very object that was asked for; another one of its kind teaches nothing."""
    if body.get("object") != object_type:
        return False
    if object_type == "list":
        # A list that is not whole is no list: what it lacks would be taken for what is not there.
        return isinstance(body.get("has_more"), bool) and _all_objects(body.get("data"))
    return isinstance(body.get("id"), str) and named in ("", body["id"])


def _all_objects(data: object) -> bool:
    return isinstance(data, list) and all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in data)


def object_in(reply: Reply, object_type: str, named: str) -> Mapping[str, Any] | LookupFailed:
    """Return the object a reply holds, or why there is none."""
    body, status = reply.body or {}, reply.status or 0
    if 200 <= status < 300 and _is_what_was_asked(body, object_type, named):
        return body
    error = reply.error or {}
    code = str(error.get("code") or error.get("type") or reply.detail or f"http_{status}")
    message = quoted(str(error.get("message") or ""))
    trouble = _trouble(reply)
    if status == 403 and trouble is Trouble.CREDENTIALS:
        message = lacking_permission(error)
    return LookupFailed(trouble, code, message, reply.request_id, status)


def _trouble(reply: Reply) -> Trouble:
    if reply.error is None or (reply.error.get("code") in ("rate_limit", "lock_timeout")):
        return Trouble.UNANSWERED
    if reply.status == 403 and refuses_account(reply.error):
        return Trouble.BARRED
    if reply.status == 404 and not reply.error.get("code"):
        return Trouble.REFUSED  # a route that is not there says nothing about the object
    by_status = {401: Trouble.CREDENTIALS, 403: Trouble.CREDENTIALS, 404: Trouble.MISSING, 400: Trouble.REFUSED}
    return by_status.get(reply.status or 0, Trouble.UNANSWERED)


def page_in(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(found["data"])


def account_in(found: Mapping[str, Any]) -> Account:
    capabilities = found.get("capabilities")
    return Account(
        id=found["id"],
        country=str(found.get("country") or ""),
        default_currency=str(found.get("default_currency") or ""),
        charges_enabled=found.get("charges_enabled") is not False,
        capabilities={str(k): str(v) for k, v in capabilities.items()} if isinstance(capabilities, Mapping) else {},
        prefix_length=_prefix_length(found.get("settings")),
    )


def _prefix_length(settings: object) -> int:
    """Return how long the start of a card's statement descriptor is; without one of its own it is the account's whole
    descriptor, cut to ten characters. (docs.stripe.com/get-started/account/statement-descriptors)
    """  # fmt: skip
    own = _text_in(settings, "card_payments", "statement_descriptor_prefix")
    return len(own) or len(_text_in(settings, "payments", "statement_descriptor")[:MOST_PREFIX])


def _text_in(found: object, *names: str) -> str:
    """Return the text under these names, one inside the other, or an empty text."""
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def customer_in(found: Mapping[str, Any]) -> Customer:
    settings = found.get("invoice_settings")
    default = settings.get("default_payment_method") if isinstance(settings, Mapping) else None
    whole = method_in(default) if isinstance(default, Mapping) and isinstance(default.get("id"), str) else None
    named = default if isinstance(default, str) else None
    return Customer(
        id=found["id"],
        deleted=found.get("deleted") is True,
        default_method=named if whole is None else whole.id,
        livemode=found.get("livemode") is True,
        default=whole,
    )


PERSONAL = ("name", "email", "phone")
ADDRESS = ("line1", "line2", "city", "state", "postal_code", "country")
# What one customer has in common with another one of the same person. (docs.stripe.com/api/customers/object)


def personal_in(found: Mapping[str, Any]) -> dict[str, str]:
    """Return who a customer is, as the parameters of a request; what is not said is left out."""
    said = {name: found.get(name) for name in PERSONAL}
    address = found.get("address")
    if isinstance(address, Mapping):
        said |= {f"address[{name}]": address.get(name) for name in ADDRESS}
    return {name: value for name, value in said.items() if isinstance(value, str) and value}


def method_in(found: Mapping[str, Any]) -> Method:
    card = found.get("card") if isinstance(found.get("card"), Mapping) else {}
    bank = found.get("us_bank_account") if isinstance(found.get("us_bank_account"), Mapping) else {}
    details: Mapping[str, Any] = card or bank or {}
    owner = found.get("customer")
    return Method(
        id=found["id"],
        type=str(found.get("type") or ""),
        customer=owner.get("id") if isinstance(owner, Mapping) else owner if isinstance(owner, str) else None,
        livemode=found.get("livemode") is True,
        exp_month=details.get("exp_month"),
        exp_year=details.get("exp_year"),
        fingerprint=details.get("fingerprint"),
    )
