"""Parameters that Stripe has and this sandbox does not serve: refused, so that no rehearsal relies on them in vain."""

from billing.sandbox.forms import Tree
from billing.sandbox.methods import CLONABLE
from billing.sandbox.refusals import invalid

OF_INTENTS = frozenset(
    {"confirmation_token", "customer_account", "hooks", "payment_method_configuration", "transfer_data"}
)
OF_SETUPS = frozenset({
    "attach_to_self", "confirmation_token", "customer_account", "flow_directions", "payment_method_configuration",
    "single_use",
})  # fmt: skip
SESSION_UNSERVED = frozenset({  # of a Checkout session: what belongs to other modes, or to a page of one's own design
    "adaptive_pricing", "after_expiration", "allow_promotion_codes", "automatic_tax", "billing_address_collection",
    "branding_settings", "consent_collection", "custom_fields", "customer_account", "customer_creation",
    "customer_update", "discounts", "integration_identifier", "invoice_creation", "line_items", "managed_payments",
    "name_collection", "optional_items", "origin_context", "payment_intent_data", "payment_method_collection",
    "payment_method_configuration", "payment_method_data", "permissions", "phone_number_collection",
    "saved_payment_method_options", "shipping_address_collection", "shipping_options", "submit_type",
    "subscription_data", "tax_id_collection", "wallet_options",
})  # fmt: skip
OF_CUSTOMERS = frozenset({"cash_balance", "default_source", "source", "tax", "tax_id_data", "test_clock"})
OF_PRICES = frozenset({
    "billing_scheme", "currency_options", "custom_unit_amount", "tiers", "tiers_mode", "transfer_lookup_key",
    "transform_quantity",
})  # fmt: skip
OF_PRODUCTS = frozenset({"marketing_features", "package_dimensions", "tax_code", "tax_details"})
OF_SUBSCRIPTIONS = frozenset({
    "add_invoice_items", "automatic_tax", "backdate_start_date", "billing_schedules", "billing_thresholds",
    "customer_account", "days_until_due", "default_source", "default_tax_rates", "discounts", "invoice_settings",
    "on_behalf_of", "pause_collection", "pending_invoice_item_interval", "proration_date", "test_clock",
    "transfer_data", "trial_from_plan",
})  # fmt: skip
UNSERVED: dict[str, frozenset[str]] = {  # by operation
    "charges.update": frozenset({"customer"}),
    "checkout.sessions.create": SESSION_UNSERVED,
    "checkout.sessions.list": frozenset({"customer_account", "payment_intent", "payment_link", "subscription"}),
    "checkout.sessions.update": frozenset(
        {
            "collected_information",
            "line_items",
            "payment_intent_data",
            "shipping_options",
        }
    ),
    "customers.create": OF_CUSTOMERS,
    "customers.list": OF_CUSTOMERS,
    "customers.update": OF_CUSTOMERS,
    "disputes.update": frozenset({"intended_submission_method"}),
    "payment_intents.capture": OF_INTENTS,
    "payment_intents.confirm": OF_INTENTS,
    "payment_intents.create": OF_INTENTS,
    "payment_intents.list": OF_INTENTS,
    "payment_intents.update": OF_INTENTS,
    "payment_methods.attach": frozenset({"customer_account"}),
    "payment_methods.list": frozenset({"customer_account"}),
    **{f"setup_intents.{verb}": OF_SETUPS for verb in ("create", "update", "confirm", "list")},
    "invoices.list": frozenset({"customer_account", "due_date"}),
    "invoices.pay": frozenset({"forgive", "mandate", "paid_out_of_band", "source"}),
    "payouts.create": frozenset({"payout_method"}),
    "prices.create": OF_PRICES,
    "prices.update": OF_PRICES,
    "products.create": OF_PRODUCTS | {"default_price_data", "type"},
    "products.list": frozenset({"type"}),
    "products.update": OF_PRODUCTS,
    "subscriptions.create": OF_SUBSCRIPTIONS,
    "subscriptions.list": OF_SUBSCRIPTIONS,
    "subscriptions.update": OF_SUBSCRIPTIONS,
    "refunds.create": frozenset({"currency", "customer", "origin"}),
}
NESTED = {
    "amount_details": frozenset({"line_items"}), "invoice_settings": frozenset({"rendering_options"}),
    "payment_settings": frozenset({"payment_method_options", "payment_method_types"}),
    "product_data": OF_PRODUCTS, "recurring": frozenset({"trial_period_days"}),
}  # fmt: skip
KINDS = "payment_methods.create"  # has a parameter for each type of payment method there is


def refuse_unserved(operation: str, tree: Tree, known: frozenset[str]) -> None:
    """Say so where a request asks for what only Stripe does; ``known`` are the parameters the endpoint has.

    Raises:
        Refusal: 400 naming the parameter.
    """
    lacking = UNSERVED.get(operation, frozenset())
    if operation == KINDS:
        lacking = known - SERVED_KINDS
    for name, node in tree.items():
        if name in lacking:
            raise _unserved(name)
        for inner in NESTED.get(name, frozenset()) & (node.keys() if isinstance(node, dict) else set()):
            raise _unserved(f"{name}[{inner}]")


SERVED_KINDS = frozenset({
    *CLONABLE, "allow_redisplay", "billing_details", "customer", "expand", "metadata", "payment_method",
    "radar_options", "type",
})  # fmt: skip


def _unserved(name: str) -> Exception:
    return invalid(f"The sandbox does not serve the parameter `{name}`.", name)
