"""The policy sections of a YAML run file: each key, its form, and the setting it replaces."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from billing.core.policies import (
    Approval,
    Attitude,
    Compare,
    Control,
    Dunning,
    Limits,
    Notification,
    Pacing,
    Policies,
    StopOn,
)
from billing.core.variances import RULES
from billing.edge.texts.forms import Forms, place_of
from billing.edge.texts.problems import FieldError
from billing.edge.texts.values import duration, flag, one_of, percentage, rate, share, variable, whole
from billing.edge.texts.yaml_tree import Mapping, Node, Scalar

S = TypeVar("S", Limits, Pacing, StopOn, Control, Compare)

EVENTS = ("finished", "stopped")

Reader = Callable[[Forms, Node, str], Any]


def _by(reader: Callable[[str], Any]) -> Reader:
    return lambda forms, node, name: forms.read(node, name, reader)


def _amounts(forms: Forms, node: Node, name: str) -> dict[str, int]:
    return forms.amounts(node, name)


def _attitude(text: str) -> Attitude:
    return Attitude(one_of(*Attitude)(text))


CONTROL: dict[str, Reader] = {"items": _by(whole(0)), "totals": _amounts}
LIMITS: dict[str, Reader] = {
    "per_item": _amounts,
    "per_account": _amounts,
    "per_run": _amounts,
    "max_items": _by(whole(1)),
}
PACING: dict[str, Reader] = {
    "rate_share": _by(share),
    "per_account_rps": _by(rate),
    "concurrency": _by(whole(1, 1000)),
}
STOP_ON: dict[str, Reader] = {
    "decline_rate": _by(share),
    "after_items": _by(whole(1)),
    "same_error": _by(whole(1)),
}
COMPARE: dict[str, Reader] = {
    "changed_over": _by(percentage),
    "total_band": _by(percentage),
    "lines_band": _by(percentage),
    "runs": _by(whole(1, 12)),
    **dict.fromkeys(RULES, _by(_attitude)),
}
APPROVAL = ("required_over", "two_person", "valid_for")
SECTIONS = ("control", "limits", "pacing", "retry", "stop_on", "approval", "compare", "notify")


def read_policies(forms: Forms, root: Mapping, base: Policies) -> Policies:
    """The policies of the file over those of the settings, value by value."""
    get = root.entries.get
    return Policies(
        control=_section(forms, get("control"), "control", CONTROL, base.control),
        limits=_section(forms, get("limits"), "limits", LIMITS, base.limits),
        pacing=_section(forms, get("pacing"), "pacing", PACING, base.pacing),
        dunning=_dunning(forms, get("retry"), base.dunning),
        stop_on=_section(forms, get("stop_on"), "stop_on", STOP_ON, base.stop_on),
        notify=_notify(forms, get("notify"), base.notify),
        compare=_section(forms, get("compare"), "compare", COMPARE, base.compare),
        approval=_approval(forms, get("approval"), base.approval),
    )


def _section(forms: Forms, node: Node | None, name: str, keys: dict[str, Reader], base: S) -> S:
    section = forms.section(node, name, keys)
    item = {key: value for key, value in section.entries.items() if key in keys}
    read = {key: keys[key](forms, value, f"{name}.{key}") for key, value in item.items()}
    return replace(base, **{key: value for key, value in read.items() if value is not None})


def _dunning(forms: Forms, node: Node | None, base: Dunning) -> Dunning:
    retry = forms.section(node, "retry", ("declines",))
    declines = forms.section(retry.entries.get("declines"), "retry.declines", ("soft", "hard"))
    soft = declines.entries.get("soft")
    hard = declines.entries.get("hard")
    if hard is not None and not _is_never(hard):
        # Trying a lost, stolen or closed card again costs a fee each time.
        # See core/README.md, "Declines and what would help".
        forms.problem(place_of(hard), "value", "retry.declines.hard can only be never", "schemes fine such attempts")
    if soft is None:
        return base
    return replace(base, soft=() if _is_never(soft) else _gaps(forms, soft))


def _gaps(forms: Forms, node: Node) -> tuple[timedelta, ...]:
    name = "retry.declines.soft"
    gaps = [forms.read(each, name, duration) for each in forms.listed(node, name)]
    return tuple(gap for gap in gaps if gap is not None)


def _is_never(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text == "never"


def _approval(forms: Forms, node: Node | None, base: Approval | None) -> Approval | None:
    if node is None:
        return base
    entries = forms.section(node, "approval", APPROVAL).entries
    approval = base or Approval()
    over = forms.amounts(entries.get("required_over"), "approval.required_over")
    two = forms.read(entries.get("two_person"), "approval.two_person", flag)
    valid = forms.read(entries.get("valid_for"), "approval.valid_for", duration)
    return Approval(
        required_over=over if "required_over" in entries else approval.required_over,
        two_person=approval.two_person if two is None else two,
        valid_for=valid or approval.valid_for,
    )


def _notify(forms: Forms, node: Node | None, base: tuple[Notification, ...]) -> tuple[Notification, ...]:
    if node is None:
        return base
    return tuple(filter(None, (_notification(forms, each) for each in forms.listed(node, "notify"))))


def _notification(forms: Forms, node: Node) -> Notification | None:
    section = forms.section(node, "notify", ("webhook", "on"))
    entries = section.entries
    if "webhook" not in entries:
        forms.problem(place_of(node), "missing", "notify needs a webhook", "webhook: env:NAME")
    webhook = forms.read(entries.get("webhook"), "notify.webhook", _webhook)
    events = [forms.read(each, "notify.on", one_of(*EVENTS)) for each in forms.listed(entries.get("on"), "notify.on")]
    on = tuple(event for event in events if event is not None)
    return Notification(webhook, on or EVENTS) if webhook else None


def _webhook(text: str) -> str:
    try:
        return variable(text)
    except ValueError as error:
        # The text stays out of the message: an address can be a secret in itself.
        hint = "write env:NAME; addresses can be secret"
        raise FieldError("webhook", "webhook", f"notify.webhook {error}", hint) from None
