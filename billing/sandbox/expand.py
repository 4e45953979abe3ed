"""``expand``: ids replaced by the objects they name, in the answer alone; what may be expanded is a table."""

from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.world import Call

ANY = ""
EXPANDABLE: dict[str, dict[str, str]] = {  # resource: its expandable fields, and the resource each leads to
    "application_fees": {"balance_transaction": "balance_transactions", "charge": "charges"},
    "balance_transactions": {"source": ANY},
    "charges": {
        "application_fee": "application_fees", "balance_transaction": "balance_transactions", "customer": "customers",
        "payment_intent": "payment_intents",
    },
    "customers": {"invoice_settings": "customers.invoice_settings"},
    "customers.invoice_settings": {"default_payment_method": "payment_methods"},
    "disputes": {"charge": "charges", "payment_intent": "payment_intents"},
    "payment_intents": {"customer": "customers", "latest_charge": "charges", "payment_method": "payment_methods"},
    "payment_methods": {"customer": "customers"},
    "payouts": {"balance_transaction": "balance_transactions"},
    "refunds": {
        "balance_transaction": "balance_transactions", "charge": "charges", "payment_intent": "payment_intents",
    },
}  # fmt: skip
MAX_DEPTH = 4  # docs.stripe.com/api/expanding_objects


def check(operation: str, paths: list[str]) -> None:
    """Refuse a path that leads nowhere, before anything is carried out.

    Raises:
        Refusal: 400 naming ``expand``.
    """
    *_, resource, verb = operation.split(".")
    for path in paths:
        steps = path.split(".")
        if verb == "list":
            steps = steps[1:] if steps[0] == "data" else [""]
        if len(steps) > MAX_DEPTH:
            raise invalid(f"You cannot expand more than {MAX_DEPTH} levels of a property.", "expand")
        here = resource
        for step in steps:
            fields = EXPANDABLE.get(here, {})
            if here != ANY and step not in fields:
                raise invalid(f"This property cannot be expanded ({path}).", "expand")
            here = fields.get(step, ANY)


def expanded(call: Call, body: Obj, paths: list[str]) -> Obj:
    """A copy of the answer with each path (``latest_charge.customer``, ``data.customer``) filled in."""
    for path in paths:
        body = _fill(call, body, path.split("."))
    return body


def _fill(call: Call, body: Obj, steps: list[str]) -> Obj:
    step, *rest = steps
    value = body.get(step)
    if isinstance(value, list):
        return body | {step: [_fill(call, each, rest) for each in value]} if rest else body
    if isinstance(value, str):
        shelf = call.account.shelves.get(value.split("_", 1)[0])
        value = shelf.shown(value) if shelf else None
    if value is None:
        return body
    return body | {step: _fill(call, value, rest) if rest else value}
