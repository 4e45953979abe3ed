"""What the page on which a payer saves payment details asks of the flow: an invitation at a click, and what came of it.

A client secret is read from Stripe whenever one is asked for and handed to the caller; nothing of ours keeps it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from billing.core.entries import ItemRecord
from billing.core.errors import CredentialsError, RunStopped
from billing.core.exits import Exit
from billing.core.kinds.payer import State
from billing.core.objects.setup import InvitationSeen, Standing, where_it_stands
from billing.core.policies import Policies
from billing.edge.stripe.calls.payer import read_invitation
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved
from billing.flow.engine.flow import Steps, carry
from billing.flow.engine.goals import Goal
from billing.flow.kinds.payer import ask, default, fence
from billing.flow.kinds.payer import follow as follow_flow
from billing.flow.kinds.payer.answers import read
from billing.flow.kinds.payer.steps import LOOKS, PAYERS
from billing.flow.services import Services


class Asks(StrEnum):
    """What the page confirms: ``confirmSetup`` of a SetupIntent, or ``confirmPayment`` of a first payment."""

    SETUP = "setup"
    PAYMENT = "payment"


class Answer(StrEnum):
    """Where a payer stands, for the page.

    ``open``: the payer may answer. ``declined``: the last try was refused, and the payer may try again. ``processing``:
    the bank, or two small deposits, take days; nothing is to be done. ``saved``: the method is the customer's default.
    ``closed``: nobody asks any more. ``stuck``: something that a person has to see to. ``later``: Stripe, or what must
    happen before, gave no answer; the same click again may.
    """

    OPEN = "open"
    DECLINED = "declined"
    PROCESSING = "processing"
    SAVED = "saved"
    CLOSED = "closed"
    STUCK = "stuck"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation, on record before anybody sees it.

    Attributes:
        asks: what the page confirms.
        client_secret: for Stripe.js alone. It is in no log, ledger, address or ``repr``.
        intent: ``seti_…`` or ``pi_…``.
        amount: of a first payment in minor units of ``currency``; 0 and empty for none.
        types: kinds of payment methods that are offered: ``card``, ``us_bank_account``.
    """

    asks: Asks
    client_secret: str = field(repr=False)
    intent: str
    amount: int
    currency: str
    types: tuple[str, ...]


async def invitation(services: Services, item: ItemRecord) -> Invitation | Answer:
    """Return the one open invitation of a payer, made if there is none; or why there is nothing to answer.

    Safe to repeat and from several processes at once: whoever comes second gets what the first has made.

    Args:
        services: the ledger open for writing, the gateway on the platform, its platform known (`Services.identify`).
        item: as the ledger shows it now; ``content`` has ``locale`` and ``types``.

    Raises:
        LedgerError: nothing is on record that was not before, and nobody has seen a secret.
        ProviderUnreachable: Stripe has been away for too long.
        CredentialsError: the key is refused, or lacks a permission.
    """
    ctx = PAYERS.context(services, Policies())
    found = await _carried(ctx, item, _INVITING)
    if found.state is State.READY or str(found.instrument_id).startswith("cs_"):
        return Answer.LATER  # no invitation could be made; or it is open on a page of Stripe's, and ends there
    if found.state is not State.INVITED:
        return _answer_of(found.state)
    try:
        shown = await read(ctx, found, read_invitation(found))
    except (StillUnresolved, Requeue):
        return Answer.LATER
    seen = shown.found
    assert isinstance(seen, InvitationSeen)  # noqa: S101  its call says so
    standing = where_it_stands(seen)
    if standing is Standing.PROCESSING:
        return Answer.PROCESSING
    if standing is not Standing.OPEN or follow_flow.is_over(ctx, found):
        return await follow(services, found)
    asks = Asks.PAYMENT if seen.pays else Asks.SETUP
    return Invitation(asks, seen.client_secret, seen.intent, item.amount, item.currency, tuple(item.content["types"]))


async def follow(services: Services, item: ItemRecord) -> Answer:
    """Read what became of a payer's invitation, record it, and finish: the saved method becomes the default.

    What the browser says of itself is never asked. Safe to repeat; a payer without an invitation is ``open``.

    Raises:
        LedgerError, ProviderUnreachable, CredentialsError: as `invitation`.
    """
    ctx = PAYERS.context(services, Policies())
    seen: list[InvitationSeen] = []

    async def look(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
        after, shown = await follow_flow.look(ctx, item)
        seen.append(shown)
        if after is None:
            raise StillUnresolved(item)
        return after

    found = await _carried(ctx, item, {**LOOKS, State.INVITED: look})
    if found.state is not State.INVITED:
        return _answer_of(found.state)
    if not seen:
        return Answer.LATER
    if where_it_stands(seen[-1]) is Standing.PROCESSING:
        return Answer.PROCESSING
    return Answer.DECLINED if seen[-1].error else Answer.OPEN


async def _carried(ctx: ItemContext, item: ItemRecord, steps: Steps) -> ItemRecord:
    """Take a payer as far as these steps go.

    Raises:
        CredentialsError: the key is refused.
        RunStopped: an answer contradicts the item.
    """
    flow = replace(PAYERS, rests=lambda _goal, item: item.state not in steps)
    try:
        return (await carry(flow, ctx, item, Goal.RUN, steps)).item
    except Halted as halted:
        raise (CredentialsError if halted.exit_code is Exit.CREDENTIALS else RunStopped)(str(halted)) from None


async def _open(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    """Invite at a click, while the link is open."""
    return await (follow_flow.wait if follow_flow.is_over(ctx, item) else ask.invite)(ctx, item)


_INVITING: Steps = {
    State.READY: _open,
    State.INVITING: ask.take_up,
    State.SAVED: default.choose,
    State.DEFAULTING: default.uncertain,
    State.CANCELLING: fence.fence,
}
# What a click leads to before the page has something to show. Who is invited is read there, and not here.

_ANSWERS: Mapping[StrEnum, Answer] = {
    State.SUCCEEDED: Answer.SAVED,
    State.SAVED: Answer.SAVED,
    State.DEFAULTING: Answer.SAVED,
    State.FAILED: Answer.CLOSED,
    State.SKIPPED: Answer.CLOSED,
    State.CANCELLING: Answer.CLOSED,
    State.PARKED: Answer.STUCK,
    State.READY: Answer.OPEN,
}


def _answer_of(state: StrEnum) -> Answer:
    """Return what a page says of a payer who has nothing to answer, or not yet."""
    return _ANSWERS.get(state, Answer.LATER)
