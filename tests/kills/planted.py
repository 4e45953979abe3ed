"""A runner with a bug planted: ``python -m tests.kills.planted BUG run ...`` is `billing run ...`, wrong in one way."""

import os
import sys
from dataclasses import replace

from billing.core.entries import Move
from billing.core.kinds.charge import CONFIRM, Event, State
from billing.core.outcomes import Made
from billing.edge.stripe import gateway
from billing.edge.stripe.calls.charge import clone_method, confirm_intent, open_intent
from billing.edge.stripe.gateway import Gateway
from billing.flow.kinds.charge import find as finder
from billing.flow.kinds.charge import steps as charge
from tests.sim.mutations import MUTATIONS, Patches, planted


def intent_per_process() -> Patches:
    """Every process opens an intent of its own under keys of its own, and confirms that one, whatever is on record."""
    key, send = gateway.idempotency_key, Gateway.send

    async def send_own(self, item, call, number=0):
        if call.op is not CONFIRM:
            return await send(self, item, call, number)
        bare = replace(item, object_id=None, instrument_id=None)
        opened = await send(self, bare, open_intent(bare), number + 1)
        cloned = await send(self, bare, clone_method(bare), number + 1)
        if isinstance(opened, Made) and isinstance(cloned, Made):
            item = replace(item, object_id=opened.object_id, instrument_id=cloned.object_id)
        return await send(self, item, confirm_intent(item), number)

    own = f"-{os.getpid()}"
    return [
        (gateway, "idempotency_key", lambda *parts: key(*parts) + own),
        (Gateway, "send", send_own),
    ]


def killed_is_unpaid() -> Patches:
    """An item found confirming counts as declined: whoever sent the confirm is gone, and nothing came back."""

    async def give_up(trip, item):
        return await trip.record(item, Move(Event.CHARGE_DECLINED, facts={"declines": 1, "group": "declined"}))

    return [(charge.STEPS, State.CONFIRMING, give_up)]


def nothing_listed() -> Patches:
    """No account is listed, neither for the plan nor before an open or a confirm; every one counts as looked at."""

    async def unread(self, account, since, *, anew=False):
        return self._shelves.setdefault(account, finder._Shelf()).failed

    return [(finder.Finder, "list", unread), (finder.Finder, "may_start", lambda self, item: True)]


BUGS = {name: bug for name, (bug, _) in MUTATIONS.items()} | {
    "intent_per_process": intent_per_process,
    "killed_is_unpaid": killed_is_unpaid,
    "nothing_listed": nothing_listed,
}


def main() -> None:
    """Plant the bug, then be the command."""
    from billing.cli.main import main as command

    name = sys.argv.pop(1)
    with planted(BUGS[name]()):
        command()


if __name__ == "__main__":
    main()
