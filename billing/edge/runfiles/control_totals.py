"""What must hold for the lines together: control totals to the cent, and the limits of the run."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from billing.core.errors import Problem
from billing.core.money import format_minor
from billing.core.policies import Policies
from billing.edge.runfiles.lines import LineCollector

Key = TypeVar("Key")

Places = Mapping[str, tuple[int, int]]
"""Line and column of a section of the run file, for the problems that concern it."""


def check_limits(collector: LineCollector, policies: Policies, file: str, places: Places, *, gross: bool) -> None:
    """Compare sums with what the operator allows; what is over goes to the intake's problems.

    Args:
        collector: every line is in.
        policies: the limits.
        file: the run file, for messages.
        places: of its sections.
        gross: count lines that are over the limit of an item too. They are not charged as they stand, but whoever
            corrects them wants to know at once what else is over; sums only grow by lines that are still wrong.
    """
    for code, message, hint in _over_limits(collector, policies, gross=gross):
        _refuse(collector, file, places.get("limits", (0, 0)), code, message, hint)


def check_control(collector: LineCollector, policies: Policies, file: str, places: Places) -> None:
    """Compare sums with what the operator announced; disagreements go to the intake's problems.

    The caller asks only when the sums are those of the run: a sum that lacks bad lines would complain twice about one
    mistake.
    """
    for code, message, hint in _off_control(collector, policies):
        _refuse(collector, file, places.get("control", (0, 0)), code, message, hint)


def _refuse(collector: LineCollector, file: str, place: tuple[int, int], code: str, message: str, hint: str) -> None:
    collector.refuse_whole(Problem(file, *place, code, message, hint))


def _off_control(collector: LineCollector, policies: Policies) -> Iterator[tuple[str, str, str]]:
    control = policies.control
    if control.items is not None and control.items != collector.count:
        yield "control_items", f"control says {control.items} items, the file has {collector.count}", _aside(collector)
    if not control.totals:
        return
    for currency in sorted({*control.totals, *(code for code, total in collector.totals.items() if total)}):
        announced, actual = control.totals.get(currency, 0), collector.totals.get(currency, 0)
        if announced != actual:
            message = f"control says {_amount(announced, currency)}, the file has {_amount(actual, currency)}"
            yield "control_total", message, _aside(collector)


def _over_limits(collector: LineCollector, policies: Policies, *, gross: bool) -> Iterator[tuple[str, str, str]]:
    limits = policies.limits
    count = collector.count + (collector.set_aside if gross else 0)
    if limits.max_items is not None and count > limits.max_items:
        yield "over_max_items", f"{count} items are over the limit of {limits.max_items}", "limits.max_items"
    run_totals = _with(collector.totals, collector.too_large if gross else {})
    for currency, limit in sorted(limits.per_run.items()):
        total = run_totals.get(currency, 0)
        if total > limit:
            message = f"{_amount(total, currency)} is over the limit of {_amount(limit, currency)} per run"
            yield "over_run_limit", message, "limits.per_run"
    accounts = collector.too_large_per_account if gross else {}
    for (account, currency), total in _with(collector.per_account, accounts).items():
        ceiling = limits.per_account.get(currency, total)
        if total > ceiling:
            message = (
                f"{account}: {_amount(total, currency)} is over the limit of {_amount(ceiling, currency)} per account"
            )
            yield "over_account_limit", message, "limits.per_account"


def _with(sums: Mapping[Key, int], more: Mapping[Key, int]) -> Mapping[Key, int]:
    """Two sets of sums added up."""
    return {key: sums.get(key, 0) + more.get(key, 0) for key in dict.fromkeys((*sums, *more))}


def _amount(minor: int, currency: str) -> str:
    return f"{format_minor(minor, currency)} {currency}"


def _aside(collector: LineCollector) -> str:
    return f"{collector.set_aside} bad lines were set aside" if collector.set_aside else ""
