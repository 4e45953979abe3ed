"""Run ids: a name, then a period. Both are typed by people and stay stable for years."""

import re
from datetime import date

from billing.core.periods import in_words
from billing.edge.texts.problems import FieldError
from billing.edge.texts.safe_text import quoted

RUN_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""What a run id may be: safe in a file name, a URL and a shell. (edge/runfiles/README.md, "Identity")"""

_YEAR = r"(?:19|20|21)[0-9]{2}"
_PART = r"q[1-4]|w(?:0[1-9]|[1-4][0-9]|5[0-3])|(?:0[1-9]|1[0-2])(?:-[0-9]{2})?"
_PERIOD = re.compile(rf"{_YEAR}(?:-(?:{_PART}))?")
_SPLIT = re.compile(rf"(.*?[a-z0-9])[._-]({_PERIOD.pattern})")
_FORM = (
    "a run id is a name, then a period, such as coaching-2026-11; periods are 2026, 2026-11, 2026-11-30, 2026-q4 and "
    "2026-w47"
)
_MONTHS = (
    "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september "
    "october november december januar februar maerz mai juni juli oktober dezember okt dez mrz janvier fevrier mars "
    "avril juin juillet aout septembre octobre novembre decembre enero febrero marzo abril mayo junio julio agosto "
    "septiembre octubre noviembre diciembre gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre "
    "janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro"
)
_PART_OF_A_DATE = re.compile(rf"q[1-4]|w[0-9]{{1,2}}|[0-9]{{1,2}}|{_YEAR}|{_MONTHS.replace(' ', '|')}")
# Before a lone year these say that a shorter period is meant: coaching-nov-2026 is no name with a year.


class BadName(FieldError):
    """A run id, name or period that cannot be used; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__("run", "run_id", message)


def checked_id(text: str) -> str:
    """The text, if it is a run id.

    Raises:
        BadName: it is not.
    """
    if RUN_ID.fullmatch(text):
        return text
    why = (
        "write it in lower case"
        if RUN_ID.fullmatch(text.lower())
        else "1 to 64 of a-z, 0-9 and ._-, not beginning with ._-"
    )
    raise BadName(f"run id {quoted(text)} cannot be used: {why}")


def checked_period(text: str) -> str:
    """The text, if it is a period that exists: ``2026``, ``2026-11``, ``2026-11-30``, ``2026-q4`` or ``2026-w47``.

    Raises:
        BadName: it is not.
    """
    if _PERIOD.fullmatch(text) and _is_real(text):
        return text
    raise BadName(f"period {quoted(text)} is none of 2026, 2026-11, 2026-11-30, 2026-q4, 2026-w47")


def split_id(run_id: str) -> tuple[str, str]:
    """Name and period of a run id such as ``coaching-2026-11``.

    Raises:
        BadName: it is no run id, or does not end in a period.
    """
    found = _SPLIT.fullmatch(checked_id(run_id))
    if found is None:
        raise BadName(f"run id {quoted(run_id)} does not end in a period: {_FORM}")
    name, period = found.group(1), checked_period(found.group(2))
    last = re.split(r"[._-]", name)[-1]
    if len(period) == len("2026") and _PART_OF_A_DATE.fullmatch(last):
        message = f"run id {quoted(run_id)} would be {quoted(name)} for {in_words(period)}; a month is written 2026-11"
        raise BadName(f"{message}, and a name before a lone year must not end in {quoted(last)}")
    return name, period


def _is_real(period: str) -> bool:
    """Whether a day exists; months, quarters and weeks are in the pattern."""
    if len(period) < len("2026-11-30"):
        return True
    try:
        date.fromisoformat(period)
    except ValueError:
        return False
    return True
