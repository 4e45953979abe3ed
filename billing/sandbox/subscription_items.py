"""What is subscribed to: items of a price and a quantity, and what they cost for a stretch of time."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from billing.sandbox import prices
from billing.sandbox.metadata import merged
from billing.sandbox.periods import Cycle
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.world import Call

MOST = 20  # items of one subscription
UNSERVED = ("billing_thresholds", "clear_usage", "current_trial", "discounts", "plan", "tax_rates")


def items_of(subscription: Obj) -> list[Obj]:
    """The items of a subscription."""
    rows: list[Obj] = subscription["items"]["data"]
    return rows


def new_items(call: Call, subscription: str, given: list[Obj]) -> list[Obj]:
    """The items that a request asks for; their period is set by whoever knows it.

    Raises:
        Refusal: none or too many, no such price, one that does not recur, or prices that do not go together.
    """
    if not 1 <= len(given) <= MOST:
        code = None if given else "parameter_missing"
        raise invalid(f"You must pass between 1 and {MOST} items.", "items", code)
    rows = [_item(call, subscription, each, f"items[{n}]") for n, each in enumerate(given)]
    check_together(rows)
    return rows


def check_together(rows: list[Obj]) -> None:
    """Whether one subscription can hold these items: one currency, one interval, each price once.

    Raises:
        Refusal: 400 naming ``items``.
    """
    first = rows[0]["price"]
    for row in rows:
        if row["price"]["currency"] != first["currency"]:
            raise invalid("All prices on a subscription must have the same currency.", "items")
        if row["price"]["recurring"] != first["recurring"]:
            raise invalid("The sandbox does not serve items of several intervals in one subscription.", "items")
    if len({row["price"]["id"] for row in rows}) < len(rows):
        raise invalid("Cannot add multiple subscription items with the same price.", "items")


def _item(call: Call, subscription: str, given: Obj, path: str) -> Obj:
    _refuse_unserved(given, path)
    price = price_of(call, given, path)
    return {
        "id": call.world.ids.new("si_", 14), "object": "subscription_item", "billing_thresholds": None,
        "created": call.world.seconds, "current_period_end": 0, "current_period_start": 0, "current_trial": None,
        "discounts": [], "metadata": merged({}, given.get("metadata")), "plan": prices.plan_of(price), "price": price,
        "quantity": _quantity(given, path), "subscription": subscription, "tax_rates": [],
    }  # fmt: skip


def _refuse_unserved(given: Obj, path: str) -> None:
    for name in UNSERVED:
        if name in given:
            raise invalid(f"The sandbox does not serve the parameter `{path}[{name}]`.", f"{path}[{name}]")


def _quantity(given: Obj, path: str) -> int:
    quantity: int = given.get("quantity", 1)
    if quantity < 0:
        message = "This value must be greater than or equal to 0."
        raise invalid(message, f"{path}[quantity]", "parameter_invalid_integer")
    return quantity


def price_of(call: Call, given: Obj, path: str) -> Obj:
    """The price an item names, or the one made of its ``price_data``.

    Raises:
        Refusal: none or two are named, it is not here, not active, or does not recur.
    """
    if ("price" in given) == ("price_data" in given):
        raise invalid("You must pass exactly one of `price` and `price_data`.", f"{path}[price]")
    if "price_data" in given:
        return prices.inline(call, given["price_data"], f"{path}[price_data]")
    price = call.find("price", given["price"], f"{path}[price]", 400)
    if not price["active"]:
        raise invalid(f"The price specified is inactive: {price['id']}.", f"{path}[price]")
    if price["type"] != "recurring":
        message = "The price specified is set to `type=one_time` but this field only accepts prices with "
        raise invalid(f"{message}`type=recurring`.", f"{path}[price]")
    return price


def changed_items(call: Call, subscription: Obj, given: list[Obj]) -> list[Obj]:
    """The items of a subscription as an update would have them; those it does not name stay.

    Raises:
        Refusal: no such item, none left, or prices that do not go together.
    """
    rows = {row["id"]: row for row in items_of(subscription)}
    for n, each in enumerate(given):
        path = f"items[{n}]"
        _refuse_unserved(each, path)
        if "id" not in each:
            made = _item(call, subscription["id"], each, path)
            rows[made["id"]] = made | _period_of(items_of(subscription)[0])
        elif each["id"] not in rows:
            raise invalid(f"No such subscription item: '{each['id']}'", f"{path}[id]", "resource_missing")
        elif each.get("deleted"):
            del rows[each["id"]]
        else:
            rows[each["id"]] = _changed(call, rows[each["id"]], each, path)
    if not rows:
        raise invalid("A subscription must have at least one active item.", "items")
    check_together(list(rows.values()))
    _check_same_cycle(subscription, next(iter(rows.values())))
    return list(rows.values())


def _period_of(row: Obj) -> Obj:
    return {name: row[name] for name in ("current_period_end", "current_period_start")}


def _changed(call: Call, row: Obj, given: Obj, path: str) -> Obj:
    changes: Obj = {"metadata": merged(row["metadata"], given.get("metadata"))}
    if "price" in given or "price_data" in given:
        price = price_of(call, given, path)
        changes |= {"price": price, "plan": prices.plan_of(price)}
    if "quantity" in given:
        changes["quantity"] = _quantity(given, path)
    return row | changes


def _check_same_cycle(subscription: Obj, row: Obj) -> None:
    price, held = row["price"], items_of(subscription)[0]["price"]
    if price["currency"] != held["currency"]:
        raise invalid("You cannot change the currency of a subscription.", "items")
    if price["recurring"] != held["recurring"]:
        raise invalid("The sandbox does not serve a change of the interval.", "items")


def set_period(rows: list[Obj], start: int, end: int) -> None:
    """Move all items to one period."""
    for row in rows:
        row |= {"current_period_start": start, "current_period_end": end}


def cost(row: Obj, part: Fraction) -> int:
    """Minor units of one item for a part of a whole period, rounded to the nearest, halves up."""
    exact = Decimal(row["price"]["unit_amount_decimal"]) * row["quantity"] * part.numerator / part.denominator
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def cycle_of(subscription: Obj) -> Cycle:
    """When a subscription renews."""
    every = items_of(subscription)[0]["price"]["recurring"]
    config = subscription["billing_cycle_anchor_config"] or {"day_of_month": 0}
    return Cycle(
        subscription["billing_cycle_anchor"], every["interval"], every["interval_count"], config["day_of_month"]
    )


def described(row: Obj, product: str) -> str:
    """What an invoice says of an item."""
    return f"{row['quantity']} × {product} (per {row['price']['recurring']['interval']})"


def prices_in(subscription: Obj) -> Iterator[str]:
    """The ids of the prices that a subscription is for."""
    return (row["price"]["id"] for row in items_of(subscription))
