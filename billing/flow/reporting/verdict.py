"""The answer to "did it work?", as sentences of numbers alone, the same in every format.

A claim stands here only if what it says was looked at: nobody was paid twice when a comparison with Stripe says so, and
the sheet ties when all of its lines were added up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from billing.core.reconciling.kinds import Kind as Difference
from billing.core.records import RunStatus
from billing.core.wording import counted, day, several
from billing.flow.outturn import ROWS
from billing.flow.reconciling.compared import Comparison
from billing.flow.report import EVERY_LINE
from billing.flow.reporting.kindwords import WORDS
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.proof import agrees

UNDER_WAY = frozenset({RunStatus.RUNNING, RunStatus.STOPPED})
# A run of these has lines to come.
NOT_BEGUN = frozenset({RunStatus.PLANNED, RunStatus.REBUILDING})
DOUBTED = ("no_answer_yet", "look_in_stripe")
# Rows of lines of which nobody knows whether they are paid.


class Verbs(NamedTuple):
    """What is so of one line of a row, and of several."""

    one: str
    many: str


BESIDE: Mapping[str, Verbs] = {
    "on_its_way": Verbs("is on its way", "are on their way"),
    "declined_for_now": Verbs("was declined and may be tried again", "were declined and may be tried again"),
    "customer_must_act": Verbs("waits for its customer", "wait for their customers"),
    "declined_for_good": Verbs("was declined for good", "were declined for good"),
    "no_answer_yet": Verbs("has no answer yet", "have no answer yet"),
    "look_in_stripe": Verbs("has to be looked up in Stripe", "have to be looked up in Stripe"),
    "not_paid": Verbs("was refused", "were refused"),
    "account_refuses": Verbs("waits for its account", "wait for their accounts"),
    "not_yet": Verbs("has not been tried", "have not been tried"),
    "nothing_owed": Verbs("owed nothing", "owed nothing"),
    "left_out": Verbs("was left out", "were left out"),
}
# Of every row of an outturn but the first.


@dataclass(frozen=True, slots=True)
class Claim:
    """What was checked, and whether it holds."""

    holds: bool
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        answer: how many have come to what they were made for, and how many need a person.
        beside: where the others stand.
        claims: what was checked.
    """

    answer: str
    beside: tuple[str, ...]
    claims: tuple[Claim, ...]


def verdict_of(overview: Overview, comparison: Comparison | None = None) -> Verdict:
    """Return what a run came to; ``comparison`` is what `comparison_of` says of it, with every difference by name."""
    claims = (*_sheet(overview), *_answered(overview), *_compared(overview, comparison))
    return Verdict(_answer(overview), tuple(_beside(overview)), claims)


def _answer(overview: Overview) -> str:
    record, words = overview.record, WORDS[overview.record.kind]
    due = overview.to_charge.lines
    if record.status in NOT_BEGUN:
        return f"Planned and not begun: {counted(due, words.noun, words.plural)}."
    done = overview.of("paid").lines
    verb = words.done_one if done == due == 1 else words.done
    yet = " so far" if record.status in UNDER_WAY else ""
    return f"{done:,} of {counted(due, words.noun, words.plural)} {verb}{yet}. {people(overview.need_lines)}"


def people(lines: int) -> str:
    """Say how many lines need a person."""
    return f"{counted(lines, 'line')} {'needs' if lines == 1 else 'need'} a person." if lines else (
        "No line needs a person."
    )  # fmt: skip


def _beside(overview: Overview) -> Iterator[str]:
    """Say where the other lines stand, and what is in none of the sums."""
    found = [(row, overview.of(row).lines) for row in ROWS if row != "paid"]
    parts = [f"{lines:,} {BESIDE[row].one if lines == 1 else BESIDE[row].many}" for row, lines in found if lines]
    if parts:
        noun = "line" if parts[0].startswith("1 ") else "lines"
        number, _, rest = parts[0].partition(" ")
        yield f"{', '.join([f'{number} {noun} {rest}', *parts[1:]])}."
    gone = sum(each.lines for each in overview.gone.values())
    if gone:
        yield f"{counted(gone, 'line')} {'was' if gone == 1 else 'were'} taken out of the sheet, and in no sum."


def _sheet(overview: Overview) -> Iterator[Claim]:
    """Say whether the lines add up to what the plan counted from the sheet; of a part of them nothing can be said."""
    kept = overview.record.header.get("sheet")
    if kept is None or overview.wanted != EVERY_LINE:
        return
    sums, expected = overview.sheet, dict(kept["totals"])
    found = {code: sums.totals[code] - expected.get(code, 0) for code in {*sums.totals, *expected}}
    apart = {code: minor for code, minor in found.items() if minor}
    codes = sum(1 for minor in expected.values() if minor)
    if apart:
        yield Claim(False, f"Totals are apart from the sheet by {several(apart)}")
    elif codes:
        yield Claim(True, f"Totals tie to the sheet in {'its currency' if codes == 1 else f'all {codes} currencies'}")


def _answered(overview: Overview) -> Iterator[Claim]:
    if overview.record.status in NOT_BEGUN:
        return
    doubted = sum(overview.of(row).lines for row in DOUBTED)
    if doubted:
        yield Claim(False, f"{counted(doubted, 'answer')} {'is' if doubted == 1 else 'are'} outstanding")
    elif overview.record.status not in UNDER_WAY:
        yield Claim(True, "No answer is outstanding")


def _compared(overview: Overview, comparison: Comparison | None) -> Iterator[Claim]:
    told = overview.proof.compared if overview.proof is not None else None
    if told is None:
        return
    when = f"reconciled {day(told.as_of, overview.zone, short=True)}"
    yield from _once(overview, comparison, when)
    if agrees(told):
        yield Claim(True, f"Agrees with Stripe ({when})")
    elif told.discrepancies:
        yield Claim(False, f"{counted(told.discrepancies, 'difference')} from Stripe ({when})")


def _once(overview: Overview, comparison: Comparison | None, when: str) -> Iterator[Claim]:
    """Say whether somebody paid twice; without the differences by name only that there are none tells it."""
    told = overview.proof.compared if overview.proof is not None else None
    if comparison is not None:
        twice = sum(one.kind is Difference.DUPLICATE for one in comparison.findings)
        if twice:
            yield Claim(False, f"{counted(twice, 'line')} {'was' if twice == 1 else 'were'} charged twice ({when})")
        elif not comparison.unread and not comparison.went_on:
            yield Claim(True, f"Nobody paid twice ({when})")
    elif told is not None and agrees(told):
        yield Claim(True, f"Nobody paid twice ({when})")
