"""Invoices of subscriptions: looked at, paid at most once, voided (docs.stripe.com/api/invoices)."""

from billing.sandbox import recurring_events
from billing.sandbox.collecting import attempt, finalise, method_for
from billing.sandbox.intent_rules import check_can_charge
from billing.sandbox.methods import resolve
from billing.sandbox.refusals import Obj, Refusal, refusal
from billing.sandbox.renewals import failed
from billing.sandbox.subscription_ends import at_bank, subscription_behind, void, voided
from billing.sandbox.world import Call

NO_METHOD = "There is no `default_payment_method` set on this Customer or Invoice. Please set one, or pass a "
NO_METHOD += "`payment_method` to pay this Invoice with."


def pay(call: Call) -> Obj:
    """Collect an invoice now, with the payment method named, else with its default; the only step that moves money.

    Raises:
        Refusal: it is paid, void or with the bank, there is nothing to pay with (400), or it was declined (402).
    """
    invoice = _payable(call)
    check_can_charge(call)
    method = _method(call, invoice)
    if invoice["status"] == "draft":
        finalise(call, invoice, failed)
    if invoice["status"] == "paid":
        return invoice
    if method is None:
        raise refusal(NO_METHOD, code="resource_missing", param="payment_method")
    try:
        attempt(call, invoice, method, off_session=call.given("off_session", True))
    except Refusal as said:
        if not call.world.config.recurring.carry_intent:
            said.error.pop("payment_intent", None)
        raise
    return invoice


def _payable(call: Call) -> Obj:
    invoice = call.find("in", call.ids[0], "invoice")
    if invoice["status"] == "paid":
        raise refusal("Invoice is already paid")
    if invoice["status"] not in ("draft", "open"):
        raise refusal(f"You can only pay an invoice that is open; this one's status is {invoice['status']}.")
    if at_bank(call.account, invoice):
        raise refusal("This invoice has a payment that is still processing; it cannot be paid again until it fails.")
    return invoice


def _method(call: Call, invoice: Obj) -> Obj | None:
    """What a request pays with; it must belong to the invoice's customer."""
    wanted = call.params.get("payment_method") or method_for(
        call.account, subscription_behind(call.account, invoice), invoice
    )
    if wanted is None:
        return None
    method = resolve(call, wanted)
    if method["customer"] != invoice["customer"]:
        message = (
            f"The payment method {method['id']} does not belong to the customer of this invoice. Please attach it "
        )
        raise refusal(f"{message}to the customer first.", param="payment_method")
    return method


def void_invoice(call: Call) -> Obj:
    """Make sure that an open invoice is never paid.

    Raises:
        Refusal: it is not open, or its payment is with the bank and the settings say that this is in the way.
    """
    invoice = call.find("in", call.ids[0], "invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        message = "You can only pass in open or uncollectible invoices. This invoice isn't open or uncollectible: "
        raise refusal(f"{message}its status is {invoice['status']}.", code="invoice_not_editable")
    if at_bank(call.account, invoice) and not call.world.config.recurring.void_processing:
        raise refusal("You cannot void an invoice with a payment that is still processing.")
    void(call, invoice)
    voided(call, invoice)
    recurring_events.changed(call, subscription_behind(call.account, invoice))
    return invoice


def finalize(call: Call) -> Obj:
    """Make a draft open before its time; nothing is collected of it at once.

    Raises:
        Refusal: it is no draft, or it is to be collected.
    """
    if call.params.get("auto_advance"):
        raise refusal("The sandbox does not collect what is opened by hand.", param="auto_advance")
    invoice = call.find("in", call.ids[0], "invoice")
    if invoice["status"] != "draft":
        raise refusal("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    finalise(call, invoice, failed)
    if "auto_advance" in call.params:
        invoice["auto_advance"] = False
    return invoice


def listed(call: Call) -> Obj:
    """Invoices of this account, newest first, by subscription, customer, status or way of collecting."""
    params = call.params
    wanted = {name: params[name] for name in ("customer", "status", "collection_method") if name in params}
    shelf = call.account.shelf_of("in", params.get("subscription"))
    return shelf.page(
        params, "/v1/invoices", call.livemode, lambda row: all(row[name] == wanted[name] for name in wanted)
    )


def payments(call: Call) -> Obj:
    """Invoice payments of this account, by invoice, status or the intent behind them."""
    params = call.params
    shelf = call.account.shelf_of("inpay", params.get("invoice"))
    status = params.get("status")
    intent = (params.get("payment") or {}).get("payment_intent")

    def keep(row: Obj) -> bool:
        return intent in (None, row["payment"]["payment_intent"]) and status in (None, row["status"])

    return shelf.page(params, "/v1/invoice_payments", call.livemode, keep)
