"""Whom to ask: the lines that their customers hold up, each with a link on which another card is saved.

A link names the line. Whoever follows it saves a card for the line's own customer on the platform, by a SetupIntent; it
becomes the default, and the next retry takes it. Nothing of that is on record here: no money moves by it, and Stripe's
list of the customer's SetupIntents shows what each line has made. So whoever comes twice gets the same one.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from billing.core.cells import csv_line
from billing.core.entries import ItemRecord
from billing.core.errors import CredentialsError, RunStopped
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.kinds.charge_rules import method_used
from billing.core.kinds.payer_columns import PAGE
from billing.core.life import Group
from billing.core.links import Link, sign_link
from billing.core.money import format_minor
from billing.core.objects.customer import CustomerSeen
from billing.core.objects.setup import InvitationSeen, Standing, newest_saved, where_it_stands
from billing.core.outcomes import Made, Shown
from billing.core.policies import Policies
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.stripe.calls.payer import list_setups, open_setup, read_customer, read_invitation, set_default
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved
from billing.flow.kinds.charge.attempts import was_tried
from billing.flow.kinds.charge.steps import CHARGES
from billing.flow.kinds.payer.answers import read, sent
from billing.flow.kinds.payer.invite import Answer, Asks, Invitation
from billing.flow.retrying.methods import CLOSED
from billing.flow.services import Services

COLUMNS = ("reference", "customer", "account", "amount", "currency", "reason", "link", "link_valid_until")
LINK_DAYS = 14
# How many days a link that is sent out is open: two pay days, as a rule.
TYPES = ("card",)
HELD_UP = (Group.NEEDS_CUSTOMER,)


@dataclass(frozen=True, slots=True)
class ToAsk:
    """One line of the list; no name and no address.

    Attributes:
        amount: in major units.
        link: empty where no page of ours is served.
        valid_until: of the link, ISO 8601, or empty.
        closed: whether the line was closed unpaid: it is tried again only where that is said.
    """

    reference: str
    customer: str
    account: str
    amount: str
    currency: str
    reason: str
    link: str
    link_valid_until: str
    closed: bool


def whom_to_ask(ledger: Ledger, record: RunRecord, public_url: str, now: datetime) -> Iterator[ToAsk]:
    """Yield the lines of a run that their customers hold up, each with a fresh link.

    Args:
        ledger: open to read.
        record: the run.
        public_url: where payers reach our page, or empty.
        now: from when on a link is open.
    """
    end = _end(record, now)
    for item in held_up(ledger, record.run_id):
        link = f"{public_url}{PAGE}{sign_link(ledger.link_key, Link(item.item_id, int(end.timestamp())))}"
        yield ToAsk(
            item.reference,
            item.payer,
            item.account,
            format_minor(item.amount, item.currency),
            item.currency.upper(),
            str(item.facts.get("reason_code") or ""),
            link if public_url else "",
            end.astimezone(UTC).isoformat(timespec="seconds") if public_url else "",
            item.state in CLOSED,
        )


def held_up(ledger: Ledger, run_id: str) -> Iterator[ItemRecord]:
    """Yield the items of a run, in their newest generation, of which only the customer can bring one on."""
    for row, _state, listed in ledger.standing(run_id):
        item = ledger.item(row)
        if listed and group_of(item) in HELD_UP:
            yield item


def _end(record: RunRecord, now: datetime) -> datetime:
    """Return the last second of a link's last day, in the run's own time zone."""
    zone = ZoneInfo(str(record.header.get("timezone") or "UTC"))
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=LINK_DAYS), time(23, 59, 59), zone)


def as_csv(lines: Iterator[ToAsk]) -> Iterator[str]:
    """Stream the list as CSV that no spreadsheet runs."""
    yield csv_line(COLUMNS)
    for line in lines:
        yield csv_line([str(getattr(line, name)) for name in COLUMNS])


# --- the page --------------------------------------------------------------------------------------------------------

STANDS: dict[Group, Answer] = {
    Group.SUCCEEDED: Answer.SAVED,
    Group.PROCESSING: Answer.SAVED,
    Group.FAILED: Answer.CLOSED,
    Group.SKIPPED: Answer.CLOSED,
    Group.PARKED: Answer.STUCK,
}
# Where a line has nothing to ask for, as the page says it; in every other group a card is welcome.


async def invitation(services: Services, item: ItemRecord) -> Invitation | Answer:
    """Return the open SetupIntent of a line, made if there is none; or why there is nothing to answer.

    Raises:
        CredentialsError, ProviderUnreachable: Stripe cannot be asked.
    """
    over = STANDS.get(group_of(item))
    if over is not None:
        return over
    return await _asking(services, item, _invitation)


async def follow(services: Services, item: ItemRecord) -> Answer:
    """Read what became of it, and make what was saved the customer's default."""
    over = STANDS.get(group_of(item))
    if over is not None:
        return over
    found = await _asking(services, item, _followed)
    return found if isinstance(found, Answer) else Answer.LATER


Verb = Callable[[ItemContext, ItemRecord, ItemRecord], Awaitable[Invitation | Answer]]
# Given the line, and its customer as a payer.


async def _asking(services: Services, item: ItemRecord, verb: Verb) -> Invitation | Answer:
    ctx = CHARGES.context(services, Policies())
    try:
        return await verb(ctx, item, _as_payer(item))
    except (StillUnresolved, Requeue):
        return Answer.LATER
    except Halted as halted:
        raise (CredentialsError if halted.exit_code is Exit.CREDENTIALS else RunStopped)(str(halted)) from None


def _as_payer(item: ItemRecord) -> ItemRecord:
    """Return what the requests of a payer are built from: the line's customer, and nothing of the charge."""
    content = {"types": list(TYPES), "description": item.content.get("description"), "run_id": item.run_id}
    return replace(item, object_id=item.payer, instrument_id=None, amount=0, currency="", content=content)


async def _listed(ctx: ItemContext, payer: ItemRecord) -> tuple[InvitationSeen, ...]:
    shown = await read(ctx, payer, list_setups(payer))
    assert isinstance(shown.found, tuple)  # noqa: S101  its call says so
    return shown.found


def _own(listed: tuple[InvitationSeen, ...], item: ItemRecord) -> list[InvitationSeen]:
    """Return those that this line has made, the oldest first."""
    return sorted((one for one in listed if one.item == item.item_id), key=lambda one: (one.created, one.id))


async def _invitation(ctx: ItemContext, item: ItemRecord, payer: ItemRecord) -> Invitation | Answer:
    listed = await _listed(ctx, payer)
    own = _own(listed, item)
    standing = where_it_stands(own[-1]) if own else Standing.OVER
    if standing is Standing.PROCESSING:
        return Answer.PROCESSING
    if standing is Standing.SAVED and not was_tried(ctx.services, item, own[-1].method):
        return await _chosen(ctx, item, payer, listed, own[-1])
    opened = own[-1].id if standing is Standing.OPEN else await _opened(ctx, payer, len(own))
    found = replace(payer, instrument_id=opened)
    seen = (await read(ctx, found, read_invitation(found))).found
    assert isinstance(seen, InvitationSeen)  # noqa: S101  its call says so
    return Invitation(Asks.SETUP, seen.client_secret, seen.intent, 0, "", TYPES)


async def _opened(ctx: ItemContext, payer: ItemRecord, number: int) -> str:
    """Make the next SetupIntent of a line; two clicks at once send one key, and get one."""
    made = await sent(ctx, payer, open_setup(payer), number)
    if not isinstance(made, Made):
        raise StillUnresolved(payer)
    return made.object_id


async def _followed(ctx: ItemContext, item: ItemRecord, payer: ItemRecord) -> Answer:
    listed = await _listed(ctx, payer)
    own = _own(listed, item)
    if not own:
        return Answer.OPEN
    match where_it_stands(own[-1]):
        case Standing.SAVED:
            return await _chosen(ctx, item, payer, listed, own[-1])
        case Standing.PROCESSING:
            return Answer.PROCESSING
        case _:
            return Answer.DECLINED if own[-1].error else Answer.OPEN


async def _chosen(
    ctx: ItemContext, item: ItemRecord, payer: ItemRecord, listed: tuple[InvitationSeen, ...], saved: InvitationSeen
) -> Answer:
    """Make what was saved the default, unless something was saved, or chosen elsewhere, after it."""
    newest = newest_saved(listed, frozenset())
    if newest is not None and newest.id != saved.id:
        return Answer.SAVED
    seen = (await read(ctx, payer, read_customer(payer))).found
    default = seen.default if isinstance(seen, CustomerSeen) else ""
    late = ctx.services.clock.epoch() - saved.created > LATE_SECONDS
    if default == saved.method or (late and default not in ("", method_used(item))):
        return Answer.SAVED
    outcome = await sent(ctx, payer, set_default(payer, saved.method))
    done = isinstance(outcome, Shown) and isinstance(outcome.found, CustomerSeen)
    return Answer.SAVED if done else Answer.LATER


LATE_SECONDS = 86_400.0
# Who comes back to the page later than this finds another default untouched: it was chosen since.
