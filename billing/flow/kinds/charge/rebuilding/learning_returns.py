"""Which of several generations that were paid had come back before the next one was asked for.

An intent shows nothing of it. So where more than one generation of a reference seems to stand, the disputes of their
accounts are asked; where only one does, whatever became of it since is for the next look (`coming_back`).
"""

from dataclasses import replace

from billing.core.objects.returned import Paid, intent_of, may_be_return, return_seen
from billing.edge.stripe.found import LookupFailed
from billing.flow.kinds.charge.rebuilding.intents import Intent, Shown
from billing.flow.kinds.charge.rebuilding.stripe_listing import StripeListing
from billing.flow.services import Services

Places = dict[str, tuple[Shown, int, Intent]]
# Intent id -> where it stands: its reference's intents, its generation, and itself.


async def learn_returns(services: Services, stock: StripeListing) -> None:
    """Note of each intent that another generation follows, if it was paid, whether its money came back.

    Raises:
        BillingError: disputes cannot be read; a part of them proves nothing.
    """
    doubtful = _doubtful(stock)
    for account in sorted({intent.account for _, _, intent in doubtful.values()}):
        since = min(intent.created for _, _, intent in doubtful.values() if intent.account == account)
        async for page in services.gateway.disputes_since(account, since):
            if isinstance(page, LookupFailed):
                raise page.as_error()
            for dispute in page:
                if may_be_return(dispute) and (place := doubtful.get(intent_of(dispute))) is not None:
                    await _note(services, str(dispute["id"]), place)


def _doubtful(stock: StripeListing) -> Places:
    """Return the paid intents of references that seem to stand by more than one generation, but for their last ones."""
    return {
        shown[number][0].id: (shown, number, shown[number][0])
        for shown in stock.by_reference.values()
        if shown.is_ambiguous
        for number in shown.alive[:-1]
        if shown[number][0].paid
    }


async def _note(services: Services, dispute: str, place: tuple[Shown, int, Intent]) -> None:
    shown, number, intent = place
    body = await services.gateway.dispute(intent.account, dispute)
    if isinstance(body, LookupFailed):
        raise body.as_error()
    charge = intent.body.get("latest_charge")
    paid = Paid(intent.id, intent.amount, str(intent.body.get("currency")), charge if isinstance(charge, str) else None)
    seen = return_seen(body, paid, services.mode)
    if seen is not None:
        shown[number][0] = replace(intent, back=seen)
