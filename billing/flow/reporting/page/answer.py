"""The answer first: a sentence of numbers, what stands beside it, and what was checked; what was not is left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from billing.core.records import RunRecord, RunStatus
from billing.core.tones import Tone
from billing.core.wording import counted, day, several
from billing.flow.reporting.kindwords import WORDS, row_words
from billing.flow.reporting.overview import Overview

UNDER_WAY = frozenset({RunStatus.RUNNING, RunStatus.STOPPED})
# A run of these has lines to come.
DOUBTED = ("no_answer_yet", "look_in_stripe")
BESIDE = ("declined_for_now", "on_its_way", "customer_must_act", "declined_for_good", *DOUBTED, "not_paid",
          "account_refuses", "not_yet", "nothing_owed", "left_out")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands in the head of a page.

    Attributes:
        sentence: the answer.
        more: sentences beside it.
        ties: what was checked, each with the icon of how it came out.
    """

    sentence: str
    more: tuple[str, ...]
    ties: tuple[tuple[str, str], ...]


def answer_of(overview: Overview, compared: dict[str, Any] | None) -> Answer:
    """Return the answer of a report; ``compared`` is what `latest_comparison` returns."""
    return Answer(_sentence(overview), tuple(_beside(overview)), tuple(_ties(overview, compared)))


def so_far(record: RunRecord) -> bool:
    """Tell whether a run has lines to come."""
    return record.status in UNDER_WAY


def _sentence(overview: Overview) -> str:
    record, words = overview.record, WORDS[overview.record.kind]
    if record.status is RunStatus.PLANNED:
        return f"Planned and not begun: {counted(overview.to_charge.lines, words.noun, words.plural)}."
    paid, whole = overview.of("paid").lines, overview.to_charge.lines
    done = words.done_one if paid == 1 and whole == 1 else words.done
    yet = " so far" if so_far(record) else ""
    first = f"{paid:,} of {counted(whole, words.noun, words.plural)} {done}{yet}."
    needs = overview.need_lines
    return f"{first} {counted(needs, 'line')} {'needs' if needs == 1 else 'need'} a person." if needs else (
        f"{first} No line needs a person."
    )  # fmt: skip


def _beside(overview: Overview) -> Iterator[str]:
    kind = overview.record.kind
    found = [(row, overview.of(row)) for row in BESIDE]
    parts = [f"{row_words(kind, row)} {each.lines:,}" for row, each in found if each.lines]
    if parts:
        text = ", ".join(parts)
        yield f"The others: {text}." if overview.of("paid").lines else f"They stand: {text}."
    if overview.gone:
        items = sum(each.lines for each in overview.gone.values())
        are = "is" if items == 1 else "are"
        yield f"{counted(items, 'item')} whose line was taken out of the sheet {are} in none of the sums."


def _ties(overview: Overview, compared: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    yield from _sheet(overview)
    if overview.record.status not in (RunStatus.PLANNED, RunStatus.REBUILDING):
        doubted = sum(overview.of(row).lines for row in DOUBTED)
        if doubted:
            yield "warn", f"No answer yet: {counted(doubted, 'line')}"
        elif not so_far(overview.record):
            yield Tone.PAID, "No answer is outstanding"
    if compared is not None:
        yield _compared(overview, compared)


def _sheet(overview: Overview) -> Iterator[tuple[str, str]]:
    """Say whether the lines add up to what the plan counted from the sheet; of a part of them nothing can be said."""
    kept, wanted = overview.record.header.get("sheet"), overview.wanted
    if kept is None or wanted.statuses or wanted.accounts or wanted.customers or wanted.references:
        return
    sums, expected = overview.sheet.totals, dict(kept["totals"])
    apart = {code: sums[code] - expected.get(code, 0) for code in {*sums, *expected}}
    apart = {code: minor for code, minor in apart.items() if minor}
    codes = sum(1 for minor in expected.values() if minor)
    if apart:
        yield "warn", f"Apart from the sheet by {several(apart)}"
    elif codes:
        yield Tone.PAID, f"Totals tie to the sheet in {'its currency' if codes == 1 else f'all {codes} currencies'}"


def _compared(overview: Overview, compared: dict[str, Any]) -> tuple[str, str]:
    found = sum(compared["discrepancies"].values()) if isinstance(compared["discrepancies"], dict) else int(
        compared["discrepancies"]
    )  # fmt: skip
    when = day(str(compared["as_of"]), overview.zone, short=True)
    if compared["exit_code"] == 0 and not found:
        return Tone.PAID, f"Agrees with Stripe (reconciled {when})"
    return "warn", f"{counted(found, 'difference')} from Stripe (reconciled {when})"
