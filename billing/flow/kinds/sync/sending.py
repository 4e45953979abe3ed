"""One request of a sync, and what its outcome means for whoever sent it: an answer, a refusal, or once more."""

import anyio

from billing.core.calls import Call
from billing.core.entries import ItemRecord
from billing.core.outcomes import (
    Busy,
    Cancelled,
    Declined,
    Halt,
    Lost,
    Made,
    Refused,
    Scope,
    Shown,
    Succeeded,
    Unconfirmed,
    Undecided,
    Unsent,
    Unsettled,
)
from billing.flow.engine.context import ItemContext, Requeue, key_number, renewal
from billing.flow.engine.standing import Reach

BUSY_PAUSE_SECONDS = 1.0
# How long to leave a request alone that Stripe says is still running under this key.

Answer = Made | Shown | Refused | ItemRecord
# What a request came to. A record means: nothing is known, the state on record decides once more.


async def sent(ctx: ItemContext, item: ItemRecord, call: Call) -> Answer:
    """Send a request, under its own key again as often as the process may repeat; what is lost is harmless.

    Raises:
        Requeue: a limiter said no.
        StillUnresolved: the account refuses everything.
        Halted: an answer stops the run.
    """
    outcome = await ctx.send(item, call, key_number(item, call.op))
    match outcome:
        case Made() | Shown():
            return outcome
        case Refused(scope=Scope.ACCOUNT):
            return await ctx.set_aside(item, outcome, Reach.ACCOUNT)
        case Refused():
            return outcome
        case Unsent():
            raise Requeue(item, outcome)
        case Lost(renew=True) if call.op.keyed:
            # The next key will do: a second copy that nobody attaches costs nothing, the rest is the same twice.
            return await ctx.record(item, renewal(item, call.op, ctx.services))
        case Lost():
            return item
        case Busy():
            await anyio.sleep(BUSY_PAUSE_SECONDS)
            return item
        case Halt():
            return await ctx.contradicted(item, outcome)
        case Succeeded() | Unsettled() | Cancelled() | Declined() | Unconfirmed() | Undecided():
            raise AssertionError(f"{outcome} cannot answer {call.op}")
