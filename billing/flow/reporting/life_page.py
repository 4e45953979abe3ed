"""The life of one line as a page: what `billing serve` shows of it, in one self-contained file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from billing.core import dashboard, wording
from billing.core.items import Mode
from billing.core.stories.story import Command, Story
from billing.edge.pages.rendering import render

TEMPLATE, STYLES = "item.html", ("item.css",)


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
    return render(TEMPLATE, styles=STYLES, **values_of(story, places))


def values_of(story: Story, places: Places = NOWHERE) -> dict[str, Any]:
    """Return what the template takes."""
    zone, head = ZoneInfo(story.head.zone), story.head
    return {
        "story": story,
        "zone": zone,
        "days": [(day, list(each)) for day, each in groupby(story.steps, lambda step: wording.day(step.at, zone))],
        "places": places,
        "stripe": _shown(story),
        "others": [(each, places.item(each.run, head.reference)) for each in story.beside],
        "command": Command("explain", (head.reference,), {"run": head.run}),
    }


def _shown(story: Story) -> Shown:
    head, mode = story.head, Mode(story.head.mode)
    payouts = tuple((name, dashboard.of_object(name, mode, head.account)) for name in story.money.payouts)
    return Shown(
        dashboard.of_object(head.payment, mode, head.account), dashboard.of_account(head.account, mode),
        dashboard.of_object(head.customer, mode), payouts,
    )  # fmt: skip
