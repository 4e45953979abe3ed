"""The parameters of a request, read and judged before anything is carried out."""

from billing.sandbox import expand
from billing.sandbox.arrivals import ItemResult
from billing.sandbox.forms import tree_of
from billing.sandbox.intent_rules import REMOVED, refuse_removed
from billing.sandbox.refusals import Obj, unreadable
from billing.sandbox.routes import Route
from billing.sandbox.specs import shape
from billing.sandbox.unserved import refuse_unserved

BESIDE = {  # sent by a browser, left out of the SDK's types
    "payment_intents.confirm": ("client_secret",),
    "payment_intents.verify_microdeposits": ("client_secret",),
    "setup_intents.confirm": ("client_secret",),
    "setup_intents.verify_microdeposits": ("client_secret",),
}


def read(arrival: ItemResult, route: Route) -> Obj:
    """The typed parameters of a request.

    Raises:
        Refusal: the body is no form, or a parameter is unknown, missing, wrong, removed or not served; 400 naming it.
    """
    if not arrival.readable:
        raise unreadable()
    tree = tree_of(arrival.pairs)
    if REMOVED in tree and route.operation.startswith(("payment_intents.", "setup_intents.")):
        raise refuse_removed(REMOVED)
    wanted = shape(route.params)
    refuse_unserved(route.operation, tree, wanted.names)
    beside = {name: tree.pop(name) for name in BESIDE.get(route.operation, ()) if name in tree}
    params = wanted.read(tree) | beside
    expand.check(route.operation, params.get("expand", []))
    return params
