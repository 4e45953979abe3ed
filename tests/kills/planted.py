"""A runner with a bug planted: ``python -m tests.kills.planted BUG run ...`` is `billing run ...`, wrong in one way."""

import os
import sys
from dataclasses import replace

from billing.core.kinds.charge import CONFIRM
from billing.core.outcomes import Made
from billing.edge.stripe import gateway
from billing.edge.stripe.calls.charge import clone_method, confirm_intent, open_intent
from billing.edge.stripe.gateway import Gateway
from billing.flow.kinds.charge import find as finder
from tests.kills import recurring_planted
from tests.sim.mutations import MUTATIONS, Patches, planted
from tests.sim.refund_mutations import lost_is_failed


def intent_per_process() -> Patches:
    """Every process opens an intent of its own under keys of its own, and confirms that one, whatever is on record.

    Nor does it list: whoever lists before a confirm finds the payment of the process before, and takes it over.
    """
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
        *nothing_listed(),
    ]


def nothing_listed() -> Patches:
    """No account is listed, neither for the plan nor before an open or a confirm; every one counts as looked at."""

    async def unread(self, account, since, *, anew=False):
        return self._shelves.setdefault(account, finder.Shelf()).failed

    return [(finder.Finder, "list", unread), (finder.Finder, "may_start", lambda self, item: True)]


BUGS = {name: bug for name, (bug, _) in MUTATIONS.items()} | {
    "intent_per_process": intent_per_process,
    "nothing_listed": nothing_listed,
    "refund_lost_is_failed": lost_is_failed,
    **recurring_planted.BUGS,
}


def main() -> None:
    """Plant the bug, then be the command."""
    from billing.cli.main import main as command

    name = sys.argv.pop(1)
    with planted(BUGS[name]()):
        command()


if __name__ == "__main__":
    main()
