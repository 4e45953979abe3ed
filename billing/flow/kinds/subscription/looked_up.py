"""A look-up that a step of an item needs: its result, or how the item ends for now without it."""

from typing import TypeVar

from billing.core.entries import ItemRecord
from billing.core.exits import Exit
from billing.core.outcomes import Halt
from billing.core.replies import Reply
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.engine.context import Halted, ItemContext, StillUnresolved

T = TypeVar("T")


def found(ctx: ItemContext, item: ItemRecord, result: T | LookupFailed) -> T:
    """Return what was found.

    Raises:
        StillUnresolved: nothing was, so the item stays what it is; the account is dead if its refusal says so.
        Halted: the key may not look.
    """
    if not isinstance(result, LookupFailed):
        return result
    if result.trouble is Trouble.CREDENTIALS:
        raise Halted(Halt(Exit.CREDENTIALS, result.message or result.code, reply=Reply(None)))
    if result.trouble in (Trouble.BARRED, Trouble.REFUSED):
        ctx.dead_account, ctx.dead_words = result.code, result.message
    ctx.services.log("not_looked_up", account=item.account, code=result.code, request_id=result.request_id)
    raise StillUnresolved(item)
