"""Products: what is sold, as invoices name it (docs.stripe.com/api/products)."""

from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.world import Call

AS_GIVEN = ("active", "name", "shippable")
OR_NOTHING = ("description", "statement_descriptor", "unit_label", "url")


def create(call: Call) -> Obj:
    """A new product of this account, under an id of the caller's if one is given.

    Raises:
        Refusal: the id is taken.
    """
    return make(call, call.params)


def make(call: Call, given: Obj, path: str = "") -> Obj:
    """A new product of the fields in ``given``; ``path`` is where they stand, for messages.

    Raises:
        Refusal: the id is taken.
    """
    wanted = given.get("id")
    if wanted is not None and call.account["prod"].peek(wanted) is not None:
        param = f"{path}[id]" if path else "id"
        raise invalid("Product already exists.", param, "resource_already_exists")
    body: Obj = {
        "id": wanted or call.world.ids.new("prod_", 14), "object": "product", "active": True,
        "created": call.world.seconds, "default_price": None, "images": [], "livemode": call.livemode,
        "marketing_features": [], "metadata": {}, "package_dimensions": None, "shippable": None, "tax_code": None,
        "tax_details": None, "type": "service", "updated": call.world.seconds, **dict.fromkeys(OR_NOTHING),
    }  # fmt: skip
    return call.account["prod"].add(body | _changes(body, given))


def update(call: Call) -> Obj:
    """Change a product; prices and subscriptions of it go on."""
    body, params = call.find("prod", call.ids[0]), call.params
    changes = _changes(body, params)
    if "default_price" in params:
        price = call.find("price", params["default_price"], "default_price", 400)
        if price["product"] != body["id"]:
            raise invalid("The price specified does not belong to this product.", "default_price")
        changes["default_price"] = price["id"]
    body |= changes | {"updated": call.world.seconds}
    return body


def _changes(body: Obj, given: Obj) -> Obj:
    changes: Obj = {name: given[name] for name in AS_GIVEN if name in given}
    changes |= {name: given[name] or None for name in OR_NOTHING if name in given}
    changes |= {"images": given["images"] or []} if "images" in given else {}
    return changes | {"metadata": merged(body["metadata"], given.get("metadata"))}


def listed(call: Call) -> Obj:
    """Products of this account, newest first, by id, or whether they are active or shipped."""
    wanted = {name: call.params[name] for name in ("active", "shippable", "url") if name in call.params}
    ids = call.params.get("ids")

    def keep(row: Obj) -> bool:
        return (ids is None or row["id"] in ids) and all(row[name] == value for name, value in wanted.items())

    return call.account["prod"].page(call.params, "/v1/products", call.livemode, keep)
