"""The requests of a subscription, from what is on record: of its link, those that open it, and those that count.

Keys of what belongs to a link name the account's customer, not the line: else two lines of one payer would make two.
"""

from collections.abc import Mapping
from typing import Any

from billing.core.calls import Call
from billing.core.entries import ItemRecord
from billing.core.kinds import subscription
from billing.core.objects import invoice as invoices
from billing.core.objects import linked
from billing.core.objects import subscription_answers as answers
from billing.core.objects.link import LINK, METHOD
from billing.edge.stripe.calls.charge import METHODS, metadata

CUSTOMERS, PRODUCTS, SUBSCRIPTIONS, INVOICES = "/v1/customers", "/v1/products", "/v1/subscriptions", "/v1/invoices"
PAYER, PRODUCT = "billing_payer", "billing_product"
# The metadata of a customer on a connected account: the platform's customer; and of a product: the name in the sheets.
STARTED = answers.STARTED
MOST_LISTED = 100
# A subscription with more invoices than a page holds is no new one, and its list is read as not whole.
OPENED = ["latest_invoice.payments"]
PAID = ["parent.subscription_details.subscription"]
TRIED = ["payments.data.payment.payment_intent"]
# What an answer is asked to show whole. (docs.stripe.com/api/expanding_objects)


def link_of(item: ItemRecord) -> str:
    """Return the name of the link that a line belongs to: a platform customer on a connected account."""
    return f"link {item.payer} on {item.account}"


def make_customer(item: ItemRecord, personal: Mapping[str, Any]) -> Call:
    """Create the payer's customer on the connected account, once per link: ``Made(customer id)`` when done.

    ``personal`` are name, e-mail and address as the platform's customer has them now; they are recorded nowhere.
    """
    named = {PAYER: item.payer}
    reads = linked.labelled("customer", named)
    return Call(subscription.CUSTOMER, CUSTOMERS, {**personal, "metadata": named}, reads, names=link_of(item))


def clone_for(item: ItemRecord) -> Call:
    """Copy the platform's payment method to the connected account: ``Made(copy id)`` when done."""
    method = str(item.content["payment_method"])
    named = {LINK: item.payer, METHOD: method}
    params = {"customer": item.payer, "payment_method": method, "metadata": named}
    reads = linked.labelled("payment_method", named)
    return Call(subscription.COPY, METHODS, params, reads, names=f"{link_of(item)} {method}")


def attach(item: ItemRecord) -> Call:
    """Attach the copy to the link's customer, so that it may be used again and again: ``Made(copy id)`` when done."""
    clone, customer = str(item.facts["clone"]), str(item.facts["connected_customer"])
    reads = linked.attached(clone, customer)
    return Call(
        subscription.ATTACH,
        f"{METHODS}/{clone}/attach",
        {"customer": customer},
        reads,
        names=f"{link_of(item)} {clone}",
    )


def make_default(item: ItemRecord) -> Call:
    """Make the copy what the link's customer pays with: ``Made(customer id)`` when done."""
    clone, customer = str(item.facts["clone"]), str(item.facts["connected_customer"])
    params = {"invoice_settings[default_payment_method]": clone}
    reads = linked.customer(customer)
    return Call(subscription.DEFAULT, f"{CUSTOMERS}/{customer}", params, reads, names=f"{link_of(item)} {clone}")


def make_product(item: ItemRecord) -> Call:
    """Create what a line sells, once per account and name: ``Made(product id)`` when done."""
    name = str(item.content["product"])
    params = {"name": name, "metadata": {PRODUCT: name}}
    reads = linked.labelled("product", {PRODUCT: name})
    return Call(subscription.PRODUCT, PRODUCTS, params, reads, names=f"product {name} on {item.account}")


def open_subscription(item: ItemRecord) -> Call:
    """Open the subscription so that it counts for nothing yet, unpaid or fused: ``Shown(Opened)`` when done."""
    kept = item.content
    params: dict[str, Any] = {
        "customer": item.facts["connected_customer"],
        **_sold(item),
        "items[0][quantity]": kept["quantity"],
        "payment_behavior": "default_incomplete",
        "collection_method": "charge_automatically",
        "application_fee_percent": kept.get("application_fee_percent"),
        "default_payment_method": item.facts["clone"] if item.facts.get("own_default") else None,
        "trial_end": kept.get("trial_end"),
        "billing_cycle_anchor": kept.get("anchor"),
        "cancel_at": item.facts.get("fuse"),
        "proration_behavior": None if kept["due"] else "none",
        "off_session": True,
        "description": kept.get("description"),
        "metadata": metadata(item),
        "expand": OPENED,
    }
    wanted = {name: value for name, value in params.items() if value is not None}
    return Call(subscription.OPEN, SUBSCRIPTIONS, wanted, answers.opened(due=bool(kept["due"])))


def _sold(item: ItemRecord) -> dict[str, Any]:
    """Return what is sold: a price of the account, or one that exists for this subscription alone."""
    kept = item.content
    if "price" in kept:
        return {"items[0][price]": kept["price"]}
    return {
        "items[0][price_data][currency]": kept["currency"],
        "items[0][price_data][unit_amount]": kept["unit"],
        "items[0][price_data][product]": item.facts["product_id"],
        "items[0][price_data][recurring][interval]": kept["interval"],
        "items[0][price_data][recurring][interval_count]": kept["interval_count"],
    }


def pay(item: ItemRecord) -> Call:
    """Move the money: pay the first invoice with the link's copy. Send it once per durable entry."""
    invoice, clone = str(item.facts["first_invoice"]), item.facts.get("clone")
    params: dict[str, Any] = {"off_session": True, "expand": PAID}
    if clone:
        params["payment_method"] = clone
    reads = invoices.paid(invoice, str(item.object_id), str(item.facts.get("payment_intent") or ""))
    return Call(subscription.PAY, f"{INVOICES}/{invoice}/pay", params, reads)


def start(item: ItemRecord) -> Call:
    """Clear the fuse, and say so on the subscription: from now on it renews by itself."""
    params = {"cancel_at": "", "proration_behavior": "none", "metadata": {STARTED: "1"}}
    return Call(subscription.START, f"{SUBSCRIPTIONS}/{item.object_id}", params, answers.started(str(item.object_id)))


def end(which: str) -> Call:
    """End a subscription now and for good: the first half of the fence."""
    return Call(subscription.END, f"{SUBSCRIPTIONS}/{which}", {}, answers.read(which))


def void(item: ItemRecord, which: str) -> Call:
    """Make sure that an open invoice is never paid: the second half of the fence."""
    names = f"{item.item_id} {which}"
    return Call(subscription.VOID, f"{INVOICES}/{which}/void", {}, invoices.voided(which), names=names)


def read(which: str) -> Call:
    """Look at a subscription."""
    return Call(subscription.READ, f"{SUBSCRIPTIONS}/{which}", {}, answers.read(which))


def list_invoices(which: str) -> Call:
    """List the invoices of a subscription, after a look at it."""
    params = {"subscription": which, "limit": MOST_LISTED, "expand": ["data.payments"]}
    return Call(subscription.LIST_INVOICES, INVOICES, params, invoices.invoices_of(which))


def read_invoice(which: str, subscription_id: str) -> Call:
    """Look at an invoice with its payment: is it with the bank, and what did the last attempt say?"""
    reads = invoices.one_of(subscription_id)
    return Call(subscription.READ_INVOICE, f"{INVOICES}/{which}", {"expand": TRIED}, reads)
