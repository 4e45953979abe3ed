"""What somebody with a publishable key is shown of an intent: a part of it, nothing the platform noted for itself.

Source: docs.stripe.com/api/payment_intents/retrieve, docs.stripe.com/api/setup_intents/retrieve.
"""

from billing.sandbox.refusals import Obj, Refusal

BOTH = frozenset({
    "id", "object", "automatic_payment_methods", "cancellation_reason", "client_secret", "created", "description",
    "livemode", "next_action", "payment_method", "payment_method_types", "status",
})  # fmt: skip
FIELDS = {
    "setup_intent": BOTH | {"last_setup_error", "usage"},
    "payment_intent": BOTH | {
        "amount", "amount_details", "canceled_at", "capture_method", "confirmation_method", "currency",
        "last_payment_error", "processing", "receipt_email", "setup_future_usage", "shipping",
    },
}  # fmt: skip


def shown(body: Obj) -> Obj:
    """An answer as a browser gets it."""
    fields = FIELDS.get(body.get("object", ""))
    return body if fields is None else {name: value for name, value in body.items() if name in fields}


def told(said: Refusal) -> Refusal:
    """An error as a browser gets it: the intent inside is the same part."""
    error = {name: shown(value) if name in FIELDS else value for name, value in said.error.items()}
    return Refusal(said.status, error, stored=said.stored, headers=said.headers)
