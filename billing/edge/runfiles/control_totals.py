"""What must hold for the lines together: control totals to the cent, and the limits of the run."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from billing.core.errors import Problem
from billing.core.money import format_minor
from billing.core.policies import Policies
from billing.edge.runfiles.lines import Intake

Key = TypeVar("Key")

Places = Mapping[str, tuple[int, int]]
"""Line and column of a section of the run file, for the problems that concern it."""


def check_limits(intake: Intake, policies: Policies, file: str, places: Places, *, gross: bool) -> None:
    """Compare sums with what the operator allows; what is over goes to the intake's problems.

    Args:
        intake: every line is in.
        policies: the limits.
        file: the run file, for messages.
        places: of its sections.
        gross: count lines that are over the limit of an item too. They are not charged as they stand, but whoever
            corrects them wants to know at once what else is over; sums only grow by lines that are still wrong.
    """
    for code, message, hint in _over_limits(intake, policies, gross=gross):
        _refuse(intake, file, places.get("limits", (0, 0)), code, message, hint)


def check_control(intake: Intake, policies: Policies, file: str, places: Places) -> None:
    """Compare sums with what the operator announced; disagreements go to the intake's problems.

    The caller asks only when the sums are those of the run: a sum that lacks bad lines would complain twice about one
    mistake.
    """
    for code, message, hint in _off_control(intake, policies):
        _refuse(intake, file, places.get("control", (0, 0)), code, message, hint)


def _refuse(intake: Intake, file: str, place: tuple[int, int], code: str, message: str, hint: str) -> None:
    intake.refuse_whole(Problem(file, *place, code, message, hint))


def _off_control(intake: Intake, policies: Policies) -> Iterator[tuple[str, str, str]]:
    control = policies.control
    if control.items is not None and control.items != intake.count:
        yield "control_items", f"control says {control.items} items, the file has {intake.count}", _aside(intake)
    if not control.totals:
        return
    for currency in sorted({*control.totals, *(code for code, total in intake.totals.items() if total)}):
        announced, actual = control.totals.get(currency, 0), intake.totals.get(currency, 0)
        if announced != actual:
            message = f"control says {_amount(announced, currency)}, the file has {_amount(actual, currency)}"
            yield "control_total", message, _aside(intake)


def _over_limits(intake: Intake, policies: Policies, *, gross: bool) -> Iterator[tuple[str, str, str]]:
    limits = policies.limits
    count = intake.count + (intake.set_aside if gross else 0)
    if limits.max_items is not None and count > limits.max_items:
        yield "over_max_items", f"{count} items are over the limit of {limits.max_items}", "limits.max_items"
    run_totals = _with(intake.totals, intake.too_large if gross else {})
    for currency, limit in sorted(limits.per_run.items()):
        total = run_totals.get(currency, 0)
        if total > limit:
            message = f"{_amount(total, currency)} is over the limit of {_amount(limit, currency)} per run"
            yield "over_run_limit", message, "limits.per_run"
    accounts = intake.too_large_per_account if gross else {}
    for (account, currency), total in _with(intake.per_account, accounts).items():
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


def _aside(intake: Intake) -> str:
    return f"{intake.set_aside} bad lines were set aside" if intake.set_aside else ""
