"""What must hold for the lines together: control totals to the cent, and the limits of the run."""

from collections.abc import Iterator, Mapping

from billing.core.errors import Problem
from billing.core.money import format_minor
from billing.core.policies import Policies
from billing.edge.runfiles.intake import Intake

Places = Mapping[str, tuple[int, int]]
"""Line and column of a section of the run file, for the problems that concern it."""


def check_totals(intake: Intake, policies: Policies, file: str, places: Places) -> None:
    """Compare sums with what the operator announced and allows; disagreements go to the intake's problems.

    The caller asks only when the sums are those of the run: a sum that lacks bad lines would complain twice about one
    mistake.
    """
    found = [("limits", *each) for each in _over_limits(intake, policies)]
    found += [("control", *each) for each in _off_control(intake, policies)]
    for section, code, message, hint in found:
        line, column = places.get(section, (0, 0))
        intake.broken = True
        intake.problems.add(Problem(file, line, column, code, message, hint))


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


def _over_limits(intake: Intake, policies: Policies) -> Iterator[tuple[str, str, str]]:
    limits = policies.limits
    if limits.max_items is not None and intake.count > limits.max_items:
        yield "over_max_items", f"{intake.count} items are over the limit of {limits.max_items}", "limits.max_items"
    for currency, limit in sorted(limits.per_run.items()):
        total = intake.totals.get(currency, 0)
        if total > limit:
            message = f"{_amount(total, currency)} is over the limit of {_amount(limit, currency)} per run"
            yield "over_run_limit", message, "limits.per_run"
    for (account, currency), total in intake.per_account.items():
        ceiling = limits.per_account.get(currency, total)
        if total > ceiling:
            message = (
                f"{account}: {_amount(total, currency)} is over the limit of {_amount(ceiling, currency)} per account"
            )
            yield "over_account_limit", message, "limits.per_account"


def _amount(minor: int, currency: str) -> str:
    return f"{format_minor(minor, currency)} {currency}"


def _aside(intake: Intake) -> str:
    return f"{intake.set_aside} bad lines were set aside" if intake.set_aside else ""
