"""What leaves for a charge is what left for it when its run was begun, to the byte, whichever release goes on with it.

A run continued under another key, or with other parameters under the same key, would open a second intent or stop.
`recorded_charges.json` holds what was sent, told and remembered of each of these charges; look-ups and lists are left
out, and what the provider names is numbered. It is written anew on purpose: ``python -m tests.flow.test_recorded``.
"""

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from billing.core.wire import WireRequest
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from tests.flow.world import RUN, Recording, World
from tests.virtual import run_virtually

RECORDED = Path(__file__).with_name("recorded_charges.json")
OPEN, CLONE, CONFIRM, CANCEL, READ = (
    "payment_intents.create",
    "payment_methods.create",
    "payment_intents.confirm",
    "payment_intents.cancel",
    "payment_intents.retrieve",
)
SPENT = json.dumps({"error": {"type": "invalid_request_error", "code": "payment_method_unexpected_state"}}).encode()
NOON = 1_795_694_400.0
DAYS = 24 * 3600
KEPT = ("Stripe-Account", "Stripe-Version", "Idempotency-Key")
ENDINGS = ("_n", "_born")
PROTOCOL = ("open", "clone", "confirm", "cancel", "read")
REMEMBERED = ("op", "lost", "key_spent", "recloned", "object_id", "instrument_id")


def _script(kind: FaultKind, operation: str, **fault: Any) -> Callable[[World], None]:
    return lambda world: world.script(kind, operation, **fault)


CHARGES: dict[str, tuple[str, Callable[[World], None]]] = {
    "paid": ("succeeds", lambda _: None),
    "declined": ("insufficient_funds", lambda _: None),
    "declined for good": ("stolen_card", lambda _: None),
    "refused to be copied": ("not_clonable", lambda _: None),
    "a debit that fails": ("debit_fails", lambda _: None),
    "an open sent again": ("succeeds", _script(FaultKind.LOST_BEFORE, OPEN)),
    "an open that is limited": ("succeeds", _script(FaultKind.RATE_LIMITED, OPEN)),
    "a clone under its next key": ("succeeds", _script(FaultKind.STORED_500_UNDONE, CLONE)),
    "a confirm whose answer was lost": ("succeeds", _script(FaultKind.LOST_AFTER, CONFIRM)),
    "a confirm under its next key": ("succeeds", _script(FaultKind.STORED_500_UNDONE, CONFIRM)),
    "a second clone for a dead one": ("succeeds", _script(FaultKind.CANNED, CONFIRM, status=400, body=SPENT)),
    "a read sent again": ("debit_succeeds", _script(FaultKind.UNAVAILABLE_503, READ)),
    "a cancel under its next key": ("stolen_card", _script(FaultKind.STORED_500_UNDONE, CANCEL)),
    "an open kept as an error": ("succeeds", _script(FaultKind.STORED_500_DONE, OPEN)),
}


def recorded(folder: Path, name: str) -> dict[str, list[Any]]:
    """Return what is sent, told and remembered of one charge: run, and settled ten days later."""
    outcome, trouble = CHARGES[name]
    world = World.make(folder, items=1, mix={outcome: 1}, clock=lambda: NOON)
    trouble(world)
    return run_virtually(_charged, world)


async def _charged(world: World) -> dict[str, list[Any]]:
    wire, told = Recording(InProcess(world.sandbox)), []
    async with world.services(wire=wire) as services:
        services.gateway._on_request = told.append
        await world.plan(services)
        await world.run(services)
        world.sandbox.advance(10 * DAYS)
        await world.settle(services)
        entries = [(entry.name, entry.facts) for entry in services.ledger.entries(RUN) if entry.item_id]
    found = {
        "sent": [_line(request) for request in wire.requests if _is_of_the_protocol(request)],
        "told": [{**dict(event), "seconds": 0} for event in told if event["endpoint"] in PROTOCOL],
        "remembered": [[name, _remembered(facts)] for name, facts in entries],
    }
    return json.loads(_numbered(json.dumps(found)))


def _is_of_the_protocol(request: WireRequest) -> bool:
    return request.method == "POST" or "/payment_intents/" in request.url


def _numbered(text: str) -> str:
    """Return a text in which what the provider has named is numbered: it is named by chance."""
    names: dict[str, str] = {}
    return re.sub(
        r"\b(pi|pm|ch|req)_\w{5,}", lambda found: names.setdefault(found[0], f"{found[1]}_{len(names) + 1}"), text
    )


def _line(request: WireRequest) -> list[str]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = urlsplit(request.url)
    kept = [headers.get(name.lower(), "") for name in KEPT]
    return [request.method, f"{url.path}?{url.query}".rstrip("?"), *kept, request.body.decode()]


def _remembered(facts: Any) -> dict[str, Any]:
    """Return the facts that name requests; when a key was first sent is there, whenever that was."""
    kept = {name: value for name, value in facts.items() if name in REMEMBERED or name.endswith(ENDINGS)}
    return {name: "then" if name.endswith("_born") and value else value for name, value in sorted(kept.items())}


@pytest.mark.parametrize("name", CHARGES)
def test_a_charge_is_sent_told_and_remembered_as_it_always_was(tmp_path, name):
    now, then = recorded(tmp_path, name), json.loads(RECORDED.read_text())[name]
    for part in ("sent", "told", "remembered"):
        assert now[part] == then[part]


def test_the_recorded_charges_send_every_request_of_the_protocol_again_and_under_a_later_key():
    told = [event for charge in json.loads(RECORDED.read_text()).values() for event in charge["told"]]
    assert set(PROTOCOL) == {event["endpoint"] for event in told}
    notes = [facts for charge in json.loads(RECORDED.read_text()).values() for _, facts in charge["remembered"]]
    later = {name for facts in notes for name, value in facts.items() if name.endswith("_n") and value}
    assert later == {"clone_n", "confirm_n", "cancel_n"}


def _write() -> None:
    """Record all charges anew, a line for each request."""
    charges = []
    for name in CHARGES:
        with tempfile.TemporaryDirectory() as folder:
            parts = recorded(Path(folder), name).items()
        listed = [f'"{part}": [\n' + ",\n".join(json.dumps(one) for one in lines) + "]" for part, lines in parts]
        charges.append(f"{json.dumps(name)}: {{\n" + ",\n".join(listed) + "}")
    RECORDED.write_text("{\n" + ",\n".join(charges) + "\n}\n")


if __name__ == "__main__":
    _write()
