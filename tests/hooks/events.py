"""Events and signatures of a test's own making, by Stripe's published rules and the SDK's own words."""

import json
from typing import Any

import stripe

NOW = 1_800_000_000
SECRET, OTHER = "whsec_ofTheConnectEndpoint", "whsec_ofTheOwnEndpoint"


def event(kind: str = "payment_intent.succeeded", named: str = "pi_1Mine", **changes: Any) -> bytes:
    """Return an event as it is sent, about an object; ``changes`` replace what stands at its top."""
    shown = {"id": named, "object": "payment_intent", "amount": 1}
    whole = {
        "id": "evt_1First", "object": "event", "api_version": "2026-10-28.endive", "type": kind, "livemode": False,
        "account": "acct_1Mine", "created": NOW, "data": {"object": shown}, "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
    } | changes  # fmt: skip
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


def signed(body: bytes, secret: str = SECRET, at: float = NOW) -> str:
    """Return the header that the SDK makes for a body."""
    return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, int(at))
