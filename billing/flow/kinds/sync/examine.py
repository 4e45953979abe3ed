"""Look at links before a plan: what is in step needs nothing, and what is not becomes a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from billing.core.items import Does
from billing.core.kinds.sync_rules import CUSTOMER_DELETED, LINK_GONE, METHOD_REMOVED
from billing.core.objects.link import Payer, in_step
from billing.core.objects.link_reads import copies_in, own_methods, seen_customer, seen_payer
from billing.edge.stripe.found import LookupFailed, Trouble
from billing.flow.engine.gather import gather
from billing.flow.kinds.sync.links import Link, paying
from billing.flow.kinds.sync.reads import look_of
from billing.flow.services import Services

AT_ONCE = 16
# Payers looked at side by side; how fast requests leave is the throttle's business.
PER_LINK = 3
# Requests: the customer, its subscriptions, its payment methods.
UNREAD = LookupFailed(Trouble.UNANSWERED, "not_whole", "what was read is not what was asked for")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a link needs.

    Attributes:
        payer: the platform customer as it was read, or None when it could not be.
        does: what is not in step, or None when nothing is.
        trouble: why it cannot be brought in step (a skip reason), or empty.
        failed: why the link could not be read, or None.
    """

    payer: Payer | None = None
    does: Does | None = None
    trouble: str = ""
    failed: LookupFailed | None = None

    @property
    def drifted(self) -> bool:
        """Whether it is not in step, as far as it was read."""
        return self.does is not None or bool(self.trouble)


async def examine(services: Services, links: Sequence[Link]) -> dict[Link, Verdict]:
    """Look at links, each platform customer once; one account that cannot be read does not stop the others.

    Raises:
        CredentialsError: the key may not look.
    """
    payers: dict[str, list[Link]] = {}
    for link in links:
        payers.setdefault(link.payer, []).append(link)
    waiting = list(payers.items())
    found: dict[Link, Verdict] = {}
    for first in range(0, len(waiting), AT_ONCE):
        for each in await gather(*[partial(_of_payer, services, *pair) for pair in waiting[first : first + AT_ONCE]]):
            found |= each
    for verdict in found.values():
        if verdict.failed is not None and verdict.failed.trouble is Trouble.CREDENTIALS:
            raise verdict.failed.as_error()
    return found


async def _of_payer(services: Services, payer: str, links: Sequence[Link]) -> dict[Link, Verdict]:
    shown = await services.gateway.customer_body(payer)
    if isinstance(shown, LookupFailed):
        if shown.trouble is not Trouble.MISSING:
            return dict.fromkeys(links, Verdict(failed=shown))
        seen: Payer | None = Payer(deleted=True)
    else:
        seen = seen_payer(shown, payer, livemode=services.mode.livemode)
    if seen is None:
        return dict.fromkeys(links, Verdict(failed=UNREAD))
    return {link: await _of_link(services, link, seen) for link in links}


async def _of_link(services: Services, link: Link, payer: Payer) -> Verdict:
    """Look at one link. Where nothing is subscribed any more, nothing is charged, and nothing has to be in step."""
    gateway = services.gateway
    rows = await _whole(gateway.subscription_pages(link.account, link.customer))
    if isinstance(rows, LookupFailed):
        return Verdict(payer, failed=rows)
    subscriptions = own_methods(rows, link.customer)
    if not subscriptions:
        return Verdict(payer, failed=UNREAD if subscriptions is None else None)
    if payer.deleted or not payer.method:
        return Verdict(payer, trouble=CUSTOMER_DELETED if payer.deleted else METHOD_REMOVED)
    shown = await gateway.customer_body(link.customer, link.account)
    methods = await _whole(gateway.attached_pages(link.account, link.customer))
    if isinstance(shown, LookupFailed) or isinstance(methods, LookupFailed):
        failed = shown if isinstance(shown, LookupFailed) else methods
        assert isinstance(failed, LookupFailed)  # noqa: S101  one of the two is
        gone = failed.trouble is Trouble.MISSING
        return Verdict(payer, trouble=LINK_GONE) if gone else Verdict(payer, failed=failed)
    return _judged(services, link, payer, subscriptions, shown, methods)


def _judged(
    services: Services,
    link: Link,
    payer: Payer,
    subscriptions: Mapping[str, str],
    shown: Mapping[str, Any],
    methods: list[dict[str, Any]],
) -> Verdict:
    customer = seen_customer(shown, link.customer, livemode=services.mode.livemode)
    copies = copies_in(methods, link.customer)
    if customer is None or copies is None:
        return Verdict(payer, failed=UNREAD)
    if customer.deleted:
        return Verdict(payer, trouble=LINK_GONE)
    look = look_of(payer, customer, paying(services, subscriptions), copies)
    copied = in_step(replace(look, fields_agree=True), link.payer)
    if copied:
        return Verdict(payer, None if look.fields_agree else Does.FIELDS)
    return Verdict(payer, Does.CLONE if look.fields_agree else Does.BOTH)


async def _whole(pages: Any) -> list[dict[str, Any]] | LookupFailed:  # noqa: ANN401
    """Return all pages of a list as one, or why it broke off."""
    rows: list[dict[str, Any]] = []
    async for page in pages:
        if isinstance(page, LookupFailed):
            return page
        rows += page
    return rows
