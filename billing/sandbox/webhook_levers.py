"""What a person or a test may do to the deliveries of a running sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from billing.sandbox.config import ConfigProblem, section
from billing.sandbox.model import Sandbox
from billing.sandbox.refusals import Obj
from billing.sandbox.webhook_habits import Webhooks

HABITS = frozenset(each.name for each in fields(Webhooks))


@dataclass(frozen=True, slots=True)
class WebhookAsked:
    """A body of ``POST webhook``, beside any of the settings under ``webhooks``.

    Attributes:
        down: whether no endpoint answers from now on.
        resend: events to send once more, by id.
        roll: endpoints that get a new secret, by id; the old one signs beside it for a day.
    """

    down: bool | None = None
    resend: tuple[str, ...] = ()
    roll: tuple[str, ...] = ()


def state(sandbox: Sandbox) -> Obj:
    """The endpoints, and how deliveries have ended."""
    deliveries = sandbox.world.deliveries
    endpoints = [
        {"id": name, "url": each.row["url"], "connect": each.connect} for name, each in deliveries.endpoints.items()
    ]
    waiting = sum(event["pending_webhooks"] for account in sandbox.world.everyone() for event in account["evt"])
    return {"endpoints": endpoints, "counts": dict(deliveries.counts), "waiting": waiting, "down": deliveries.down}


def change(sandbox: Sandbox, settings: Mapping[str, Any]) -> Obj:
    """Do what is asked; the state afterwards, with the new secrets.

    Raises:
        ConfigProblem: no such setting, event or endpoint.
    """
    deliveries = sandbox.world.deliveries
    asked = section(WebhookAsked, {name: value for name, value in settings.items() if name not in HABITS}, "webhook")
    given = {name: value for name, value in settings.items() if name in HABITS}
    habits = section(Webhooks, given, "webhook")
    unknown = [name for name in asked.roll if name not in deliveries.endpoints]
    events = [_event(sandbox, name) for name in asked.resend]
    if unknown:
        raise ConfigProblem(f"no webhook endpoint {unknown[0]!r}")
    deliveries.habits = replace(deliveries.habits, **{name: getattr(habits, name) for name in given})
    if asked.down is not None:
        deliveries.down = asked.down
    secrets = {name: deliveries.roll(name) for name in asked.roll}
    for event in events:
        deliveries.resend(event)
    return state(sandbox) | {"secrets": secrets}


def _event(sandbox: Sandbox, wanted: str) -> Obj:
    for account in sandbox.world.everyone():
        if (found := account["evt"].peek(wanted)) is not None:
            return found
    raise ConfigProblem(f"no event {wanted!r}")
