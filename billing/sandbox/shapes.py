"""Small hashes that several objects carry, filled up as the provider shows them: every field there, null or not."""

from billing.sandbox.refusals import Obj

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
SHIPPING = ("carrier", "phone", "tracking_number")
BILLING = ("email", "name", "phone", "tax_id")


def address(given: object) -> Obj | None:
    """An address with all its fields; nothing for an unset one."""
    if not isinstance(given, dict):
        return None
    return {name: given.get(name) or None for name in ADDRESS}


def shipping(given: object) -> Obj | None:
    """A shipping hash with all its fields; nothing for an unset one."""
    if not isinstance(given, dict):
        return None
    return given | {name: given.get(name) or None for name in SHIPPING} | {"address": address(given.get("address"))}


def billing_details(old: Obj | None, given: object) -> Obj:
    """Billing details after a request that names some of them."""
    base = old or dict.fromkeys(BILLING) | {"address": address({})}
    if not isinstance(given, dict):
        return base
    changes = {name: given[name] or None for name in BILLING if name in given}
    if "address" in given:
        changes["address"] = address((base["address"] or {}) | (given["address"] or {}))
    return base | changes
