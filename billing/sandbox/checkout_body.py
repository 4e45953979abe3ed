"""A Checkout session as it is shown (docs.stripe.com/api/checkout/sessions)."""

from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Call

UNSET = ("adaptive_pricing", "after_expiration", "allow_promotion_codes", "amount_subtotal", "amount_total",
         "billing_address_collection", "client_secret", "collected_information", "consent", "consent_collection",
         "currency_conversion", "customer_account", "customer_creation", "customer_details", "discounts",
         "integration_identifier", "invoice", "invoice_creation", "managed_payments", "origin_context",
         "payment_intent", "payment_link", "payment_method_configuration_details", "permissions", "recovered_from",
         "saved_payment_method_options", "shipping_address_collection", "shipping_cost", "submit_type", "subscription",
         "total_details", "wallet_options")  # fmt: skip
AS_GIVEN = ("allowed_payment_method_types", "cancel_url", "client_reference_id", "currency", "customer",
            "customer_email", "locale", "success_url")  # fmt: skip
TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
HOSTED = "hosted_page"


def body_of(call: Call, intent: Obj, expires_at: int) -> Obj:
    """A new open session in setup mode whose SetupIntent is ``intent``."""
    params = call.params
    ids = call.world.ids
    wanted = ids.new("cs_live_a1" if call.livemode else "cs_test_a1") + ids.new("")
    ui_mode = params.get("ui_mode", HOSTED)
    custom = params.get("custom_text") or {}
    body: Obj = {
        "id": wanted, "object": "checkout.session", **dict.fromkeys(UNSET),
        **{name: params.get(name) or None for name in AS_GIVEN},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": call.world.seconds, "custom_fields": [],
        "custom_text": {name: custom.get(name) or None for name in TEXTS},
        "expires_at": expires_at, "livemode": call.livemode, "metadata": merged({}, params.get("metadata")),
        "mode": "setup", "payment_method_collection": "always",
        "payment_method_options": {}, "payment_method_types": intent["payment_method_types"],
        "payment_status": "no_payment_required", "phone_number_collection": {"enabled": False},
        "setup_intent": intent["id"], "shipping_options": [], "status": "open", "ui_mode": ui_mode,
        "url": call.world.page("checkout", f"c/pay/{wanted}") if ui_mode == HOSTED else None,
    }  # fmt: skip
    if ui_mode != HOSTED:
        redirect = params.get("redirect_on_completion", "always")
        body |= {"client_secret": f"{wanted}_secret_{ids.new('')}", "redirect_on_completion": redirect}
        body |= {"return_url": params["return_url"]} if "return_url" in params else {}
    return body
