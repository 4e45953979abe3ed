"""An invoice as it is shown: drafted for a period of a subscription, finalised, paid or void."""

from fractions import Fraction

from billing.sandbox import events
from billing.sandbox.refusals import Obj
from billing.sandbox.shelves import list_of
from billing.sandbox.subscription_items import cost, described, items_of
from billing.sandbox.world import Account, Call

UNSET = ("account_tax_ids", "automatically_finalizes_at", "custom_fields", "customer_account", "default_payment_method",
         "default_source", "description", "due_date", "effective_at", "ending_balance", "footer", "from_invoice",
         "hosted_invoice_url", "invoice_pdf", "last_finalization_error", "latest_revision", "next_payment_attempt",
         "number", "on_behalf_of", "receipt_number", "rendering", "shipping_cost", "shipping_details",
         "statement_descriptor", "test_clock", "webhooks_delivered_at")  # fmt: skip
NONE_OF = ("amount_overpaid", "amount_paid", "amount_shipping", "attempt_count", "post_payment_credit_notes_amount",
           "pre_payment_credit_notes_amount", "starting_balance")  # fmt: skip
NO_LISTS = ("customer_tax_ids", "default_tax_rates", "discounts", "total_discount_amounts",
            "total_pretax_credit_amounts", "total_taxes")  # fmt: skip
COPIED = {"customer_address": "address", "customer_email": "email", "customer_name": "name", "customer_phone": "phone",
          "customer_shipping": "shipping"}  # fmt: skip


def draft(call: Call, subscription: Obj, reason: str, period: tuple[int, int], part: Fraction) -> Obj:
    """A draft for one period of a subscription: ``part`` of a whole period's price, nothing if it is 0."""
    account, now = call.account, call.world.seconds
    customer = account["cus"].shown(subscription["customer"]) or {}
    wanted = call.new_id("in")
    lines = [_line(call, subscription, row, wanted, period, part) for row in items_of(subscription)]
    total = sum(line["amount"] for line in lines)
    body: Obj = {
        "id": wanted, "object": "invoice", **dict.fromkeys(UNSET), **dict.fromkeys(NONE_OF, 0),
        **{name: [] for name in NO_LISTS}, **{name: customer.get(field) for name, field in COPIED.items()},
        "account_country": account.body["country"], "account_name": account.body["business_profile"]["name"],
        "amount_due": total, "amount_paid_off_stripe": 0, "amount_remaining": total,
        "application": subscription["application"], "attempted": False, "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None,
        },
        "billing_reason": reason, "collection_method": subscription["collection_method"], "created": now,
        "currency": subscription["currency"], "customer": subscription["customer"],
        "customer_tax_exempt": customer.get("tax_exempt", "none"), "issuer": {"type": "self"},
        "lines": list_of(lines, f"/v1/invoices/{wanted}/lines"), "livemode": subscription["livemode"], "metadata": {},
        "parent": {
            "quote_details": None, "type": "subscription_details",
            "subscription_details": {
                "metadata": dict(subscription["metadata"]), "subscription": subscription["id"],
            },
        },
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": now, "period_start": items_of(subscription)[0]["current_period_start"], "status": "draft",
        "status_transitions": dict.fromkeys(
            ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
        ),
        "subtotal": total, "subtotal_excluding_tax": total, "total": total, "total_excluding_tax": total,
    }  # fmt: skip
    account.add("in", body, subscription["id"])
    events.record(call, "invoice.created", body)
    return body


def _line(
    call: Call, subscription: Obj, row: Obj, invoice: str, period: tuple[int, int], part: Fraction
) -> Obj:  # fmt: skip
    amount, price = cost(row, part), row["price"]
    product = call.account["prod"].peek(price["product"]) or {"name": price["product"]}
    return {
        "id": call.new_id("il"), "object": "line_item", "amount": amount, "currency": price["currency"],
        "description": described(row, product["name"]), "discount_amounts": [], "discountable": True, "discounts": [],
        "invoice": invoice, "livemode": subscription["livemode"], "metadata": dict(subscription["metadata"]),
        "parent": {
            "invoice_item_details": None, "type": "subscription_item_details",
            "subscription_item_details": {
                "invoice_item": None, "proration": False, "proration_details": {"credited_items": None},
                "subscription": subscription["id"], "subscription_item": row["id"],
            },
        },
        "period": {"end": period[1], "start": period[0]}, "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]}, "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": row["quantity"], "quantity_decimal": str(row["quantity"]), "subscription": subscription["id"],
        "subtotal": amount, "taxes": [],
    }  # fmt: skip


def subscription_of(invoice: Obj) -> str:
    """The id of the subscription an invoice is for."""
    return str(invoice["parent"]["subscription_details"]["subscription"])


def numbered(account: Account, invoice: Obj) -> str:
    """The next number of this customer's invoices."""
    customer = account["cus"].peek(invoice["customer"])
    if customer is None:
        return f"{invoice['customer'][-8:].upper()}-0001"
    sequence: int = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = sequence + 1
    return f"{customer['invoice_prefix']}-{sequence:04d}"


def payments_of(account: Account, invoice: Obj) -> Obj:
    """The payments of an invoice as its ``payments`` shows them, newest first."""
    return list_of(account.of("inpay", invoice["id"])[::-1], "/v1/invoice_payments")


def payment_of(account: Account, invoice: Obj) -> Obj | None:
    """The payment an invoice is collected with; none of a draft, and none where nothing is due."""
    return next(iter(account.of("inpay", invoice["id"])), None)


def intent_of(account: Account, invoice: Obj) -> Obj | None:
    """The PaymentIntent of an invoice, or none."""
    payment = payment_of(account, invoice)
    return account["pi"].peek(payment["payment"]["payment_intent"]) if payment else None


def confirmation_secret(account: Account, invoice: Obj) -> Obj | None:
    """The secret with which a browser confirms the payment of an open invoice."""
    intent = intent_of(account, invoice)
    if intent is None or invoice["status"] != "open":
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}
