"""The requests of a sync, from what is on record of it. None moves money, and none can be made conditional."""

from collections.abc import Mapping

from billing.core.calls import Call
from billing.core.entries import ItemRecord
from billing.core.kinds import sync
from billing.core.objects import link_reads
from billing.core.objects.link import LINK, METHOD
from billing.edge.stripe.calls.charge import METHODS

CUSTOMERS, SUBSCRIPTIONS = "/v1/customers", "/v1/subscriptions"
PLATFORM = ""
MOST_LISTED = 100
# A list that does not fit on a page is read as not whole: nothing follows from it.
WITH_DEFAULT = {"expand": ["invoice_settings.default_payment_method"]}


def read_payer(item: ItemRecord) -> Call:
    """Look at the platform customer and its default method: ``Shown(Payer)``."""
    reads = link_reads.payer_of(item.payer)
    return Call(sync.READ_PAYER, f"{CUSTOMERS}/{item.payer}", WITH_DEFAULT, reads, PLATFORM)


def clone(item: ItemRecord) -> Call:
    """Copy the platform's method as this attempt's change describes it: ``Made(copy id)``. It is attached nowhere."""
    method = str(item.facts["payment_method"])
    params = {
        "customer": item.payer,
        "payment_method": method,
        "metadata": {LINK: item.payer, METHOD: method},
    }
    reads = link_reads.cloned(item.payer, method)
    return Call(sync.CLONE, METHODS, params, reads, names=_named(item, str(item.facts["change"])))


def attach(item: ItemRecord) -> Call:
    """Save this attempt's copy to the connected customer."""
    copy = _copy(item)
    reads = link_reads.changed("payment_method", copy)
    params = {"customer": item.content["connected_customer"]}
    return Call(sync.ATTACH, f"{METHODS}/{copy}/attach", params, reads, names=_named(item, copy))


def repoint(item: ItemRecord, fields: Mapping[str, object], told: str = "") -> Call:
    """Make this attempt's copy the customer's default, where there is one, with the fields that differ.

    ``told`` stands for the fields in its key: what is sent under one key is never two things.
    """
    customer = str(item.content["connected_customer"])
    default = {"invoice_settings": {"default_payment_method": item.instrument_id}} if item.instrument_id else {}
    reads = link_reads.changed("customer", customer)
    named = _named(item, item.instrument_id or "fields", told)
    return Call(sync.REPOINT, f"{CUSTOMERS}/{customer}", {**default, **fields}, reads, names=named)


def move(item: ItemRecord, subscription: str) -> Call:
    """Let a subscription name this attempt's copy."""
    copy = _copy(item)
    reads = link_reads.changed("subscription", subscription)
    params = {"default_payment_method": copy}
    return Call(sync.MOVE, f"{SUBSCRIPTIONS}/{subscription}", params, reads, names=_named(item, copy, subscription))


def detach(item: ItemRecord, copy: str) -> Call:
    """Let an older copy go, for good."""
    reads = link_reads.changed("payment_method", copy)
    return Call(sync.DETACH, f"{METHODS}/{copy}/detach", {}, reads, names=_named(item, copy))


def read_customer(item: ItemRecord) -> Call:
    """Look at the connected customer: ``Shown(CustomerSeen)``."""
    customer = str(item.content["connected_customer"])
    return Call(sync.READ_CUSTOMER, f"{CUSTOMERS}/{customer}", {}, link_reads.customer_of(customer))


def list_subscriptions(item: ItemRecord) -> Call:
    """List the connected customer's subscriptions that are not over: ``Shown`` of the method that each names."""
    customer = str(item.content["connected_customer"])
    params = {"customer": customer, "limit": MOST_LISTED}
    return Call(sync.LIST_SUBSCRIPTIONS, SUBSCRIPTIONS, params, link_reads.subscriptions_of(customer))


def list_methods(item: ItemRecord) -> Call:
    """List the payment methods attached to the connected customer, whoever made them: ``Shown(tuple of Copy)``."""
    customer = str(item.content["connected_customer"])
    path = f"{CUSTOMERS}/{customer}/payment_methods"
    return Call(sync.LIST_METHODS, path, {"limit": MOST_LISTED}, link_reads.methods_of(customer))


def _named(item: ItemRecord, *about: str) -> str:
    """Return what a key names: the line, and what the request is about in it. Two lines of one link share none."""
    return "/".join((item.item_id, *about))


def _copy(item: ItemRecord) -> str:
    assert item.instrument_id is not None  # noqa: S101  the states from which it is sent have one
    return item.instrument_id
