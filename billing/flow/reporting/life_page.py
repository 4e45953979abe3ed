"""The life of one line as a page: what `billing serve` shows of it, in one self-contained file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from zoneinfo import ZoneInfo

from billing.core import dashboard, wording
from billing.core.items import Kind, Mode
from billing.core.stories.story import Command, Story
from billing.edge.pages.rendering import render

STYLES = ("item.css",)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the pages around this one are; empty where there is none.

    Attributes:
        run, account, customer: addresses.
        item: the address of a reference in a run.
    """

    run: str = ""
    account: str = ""
    customer: str = ""
    item: Callable[[str, str], str] = field(default=lambda _run, _reference: "")


NOWHERE = Places()


@dataclass(frozen=True, slots=True)
class Shown:
    """Addresses of Stripe's Dashboard."""

    payment: str
    account: str
    customer: str
    payouts: tuple[tuple[str, str], ...]


def item_page(story: Story, places: Places = NOWHERE) -> Iterator[str]:
    """Stream the page."""
    zone, head = ZoneInfo(story.head.zone), story.head
    days = [(day, list(steps)) for day, steps in groupby(story.steps, lambda step: wording.day(step.at, zone))]
    return render(
        "item.html", styles=STYLES, story=story, zone=zone, days=days, places=places, stripe=_shown(story),
        beside=[(each, places.item(each.run, head.reference)) for each in story.beside],
        command=Command("explain", (head.reference,), {"run": head.run}),
    )  # fmt: skip


def _shown(story: Story) -> Shown:
    head, mode = story.head, Mode(story.head.mode)
    on = "" if head.kind == Kind.PAYER else head.account  # payers are customers of the platform itself
    payouts = tuple((name, dashboard.of_object(name, mode, head.account)) for name in story.money.payouts)
    return Shown(
        dashboard.of_object(head.payment, mode, on), dashboard.of_account(head.account, mode),
        dashboard.of_object(head.customer, mode), payouts,
    )  # fmt: skip
