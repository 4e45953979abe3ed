"""What a clone shows: the copy of a payment method on the account that charges it, an item's instrument."""

import re
from collections.abc import Mapping
from typing import Any

from billing.core.calls import Reads
from billing.core.exits import Exit
from billing.core.objects.intent import blames_method, in_error
from billing.core.outcomes import Expected, Halt, Lost, Made, Outcome
from billing.core.replies import Reply


def _cloned(reply: Reply, expected: Expected) -> Outcome:
    """Return the outcome of a clone's 2xx."""
    body = reply.body or {}
    if not _is_method(body) or expected.instrument_id not in (None, body["id"]):
        return Lost(False, reply=reply)
    metadata = body.get("metadata")
    bound = metadata.get("billing_item") if isinstance(metadata, Mapping) else None
    if bound not in (None, expected.item_id):
        return Lost(False, reply=reply)  # another item's clone: confirmed with it, another customer would pay
    if body["livemode"] != expected.livemode:
        return Halt(Exit.STOPPED, f"clone {body['id']}: livemode is {body['livemode']}", reply=reply)
    return Made(body["id"], reply=reply)


def _is_method(body: Mapping[str, Any]) -> bool:
    """Tell whether ``body`` has everything a clone is believed by."""
    named = body.get("id")
    return (
        body.get("object") == "payment_method"
        and isinstance(named, str)
        and _method_id(named) is not None
        and isinstance(body.get("livemode"), bool)
    )


_method_id = re.compile(r"pm_[A-Za-z0-9_]{1,250}").fullmatch

CLONED = Reads(_cloned, in_error, blames_instrument=blames_method)
# How the answers to a clone are read; an error may show the intent on record beside it.
