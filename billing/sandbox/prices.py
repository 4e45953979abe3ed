"""Prices: a flat amount, once or every so often; fixed for ever once made (docs.stripe.com/api/prices)."""

from decimal import Decimal

from billing.sandbox import products, tariff
from billing.sandbox.metadata import merged
from billing.sandbox.periods import LONGEST
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.world import Call

LICENSED = "licensed"


def create(call: Call) -> Obj:
    """A new price of a product, or of one made with it.

    Raises:
        Refusal: no amount, no product or two, or an interval that is too long.
    """
    params = call.params
    if ("product" in params) == ("product_data" in params):
        message = "You must pass exactly one of `product` and `product_data`."
        raise invalid(message, "product", "parameter_missing" if "product" not in params else "parameters_exclusive")
    _check_key(call, params.get("lookup_key"))
    body = priced(call, params)
    if "product" in params:
        body["product"] = call.find("prod", params["product"], "product", 400)["id"]
    else:
        body["product"] = products.make(call, params["product_data"], "product_data")["id"]
    return call.account["price"].add(body)


def inline(call: Call, given: Obj, path: str) -> Obj:
    """The price of an item's ``price_data``, which is of a product that exists; not to be found in a list.

    Raises:
        Refusal: no such product, no amount, or an interval that is too long.
    """
    product = call.find("prod", given["product"], f"{path}[product]", 400)
    if not product["active"]:
        raise invalid(f"The product {product['id']} is marked as inactive, and thus no prices can be made of it.", path)
    body = priced(call, given, path) | {"active": False, "product": product["id"]}
    return call.account["price"].add(body)


def priced(call: Call, given: Obj, path: str = "") -> Obj:
    """A price of these fields, still without its product.

    Raises:
        Refusal: 400 naming the parameter.
    """

    def at(name: str) -> str:
        return f"{path}[{name}]" if path else name

    currency = given["currency"].lower()
    if not tariff.known(currency):
        raise invalid(f"Invalid currency: {currency}.", at("currency"))
    recurring = given.get("recurring")
    return {
        "id": call.new_id("price"), "object": "price", "active": given.get("active", True),
        "billing_scheme": "per_unit", "created": call.world.seconds, "currency": currency,
        "custom_unit_amount": None, "livemode": call.livemode, "lookup_key": given.get("lookup_key"),
        "metadata": merged({}, given.get("metadata")), "nickname": given.get("nickname"), "product": None,
        "recurring": _recurring(recurring, at("recurring")) if recurring else None,
        "tax_behavior": given.get("tax_behavior", "unspecified"), "tiers_mode": None, "transform_quantity": None,
        "type": "recurring" if recurring else "one_time", **_amount(given, at("unit_amount")),
    }  # fmt: skip


def _amount(given: Obj, path: str) -> Obj:
    if ("unit_amount" in given) == ("unit_amount_decimal" in given):
        message = "You must pass exactly one of `unit_amount` and `unit_amount_decimal`."
        raise invalid(message, path, None if "unit_amount" in given else "parameter_missing")
    exact = Decimal(given["unit_amount"] if "unit_amount" in given else given["unit_amount_decimal"])
    if exact < 0:
        raise invalid("This value must be greater than or equal to 0.", path, "parameter_invalid_integer")
    whole = exact == exact.to_integral_value()
    shown = format(exact.normalize(), "f")
    return {"unit_amount": int(exact) if whole else None, "unit_amount_decimal": shown}


def _recurring(given: Obj, path: str) -> Obj:
    count: int = given.get("interval_count", 1)
    if not 1 <= count <= LONGEST[given["interval"]]:
        raise invalid("The maximum billing interval is three years.", f"{path}[interval_count]")
    if given.get("usage_type", LICENSED) != LICENSED:
        raise invalid("The sandbox does not serve metered prices.", f"{path}[usage_type]")
    return {
        "interval": given["interval"], "interval_count": count, "meter": None, "trial_period_days": None,
        "usage_type": LICENSED,
    }  # fmt: skip


def _check_key(call: Call, wanted: str | None, own: str | None = None) -> None:
    if wanted and any(row["lookup_key"] == wanted and row["id"] != own for row in call.account["price"]):
        message = f"A price already uses that lookup key: {wanted}"
        raise invalid(message, "lookup_key", "resource_already_exists")


def update(call: Call) -> Obj:
    """Change what a price is called; never its amount."""
    body, params = call.find("price", call.ids[0]), call.params
    _check_key(call, params.get("lookup_key"), body["id"])
    metadata = merged(body["metadata"], params.get("metadata"))
    body |= {name: params[name] for name in ("active", "lookup_key", "nickname", "tax_behavior") if name in params}
    body["metadata"] = metadata
    return body


def listed(call: Call) -> Obj:
    """Prices of this account, newest first, by product, currency, type, interval or lookup key."""
    params = call.params
    wanted = {name: params[name] for name in ("active", "currency", "product", "type") if name in params}
    every = params.get("recurring") or {}
    keys = params.get("lookup_keys")

    def keep(row: Obj) -> bool:
        fits = all((row["recurring"] or {}).get(name) == value for name, value in every.items())
        in_keys = keys is None or row["lookup_key"] in keys
        return fits and in_keys and all(row[name] == value for name, value in wanted.items())

    return call.account["price"].page(params, "/v1/prices", call.livemode, keep)


def plan_of(price: Obj) -> Obj:
    """A recurring price as the ``plan`` that items still carry (docs.stripe.com/api/plans)."""
    every = price["recurring"]
    same = ("id", "active", "billing_scheme", "created", "currency", "livemode", "metadata", "nickname", "product",
            "tiers_mode")  # fmt: skip
    return {
        "object": "plan", **{name: price[name] for name in same}, "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"], "interval": every["interval"],
        "interval_count": every["interval_count"], "meter": None, "transform_usage": None, "trial_period_days": None,
        "usage_type": every["usage_type"],
    }  # fmt: skip
