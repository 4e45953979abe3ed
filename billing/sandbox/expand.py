"""``expand``: ids replaced by the objects they name, in the answer alone."""

from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.world import Call

EXPANDABLE = frozenset({
    "application_fee", "balance_transaction", "charge", "customer", "default_payment_method", "latest_charge",
    "payment_intent", "payment_method", "source",
})  # fmt: skip
MAX_DEPTH = 4  # docs.stripe.com/api/expanding_objects


def expanded(call: Call, body: Obj, paths: list[str]) -> Obj:
    """A copy of the answer in which each path (``latest_charge.balance_transaction``, ``data.customer``) is filled in.

    Raises:
        Refusal: a path that cannot be expanded.
    """
    for path in paths:
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > MAX_DEPTH:
            raise invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property.", "expand")
        body = _fill(call, body, steps, path)
    return body


def _fill(call: Call, body: Obj, steps: list[str], path: str) -> Obj:
    step, *rest = steps
    value = body.get(step, "")
    if isinstance(value, list):
        return body | {step: [_fill(call, each, rest, path) for each in value]} if rest else body
    if isinstance(value, dict):
        return body | {step: _fill(call, value, rest, path)} if rest else body
    if step not in EXPANDABLE or value == "":
        raise invalid(f"This property cannot be expanded ({path}).", "expand")
    if value is None:
        return body
    shelf = call.account.shelves.get(value.split("_", 1)[0])
    found = shelf.peek(value) if shelf else None
    if found is None:
        return body
    return body | {step: _fill(call, found, rest, path) if rest else found}
