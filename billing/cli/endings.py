"""How a run ended, for whoever has to act: where every line stands, what comes next, and what the exit code means."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from billing.cli.tables import WIDTH, amounts, plural, totals_table
from billing.cli.typed import again, following
from billing.core.exits import MEANINGS, Exit
from billing.core.item_rules import SkipReason
from billing.core.items import Kind, Mode
from billing.core.kinds import life_of, phase_of
from billing.core.life import Phase
from billing.core.records import RunRecord
from billing.core.skips import SKIPS
from billing.edge.ledger import Ledger
from billing.edge.logs import visible
from billing.flow.engine.goals import TAKES, Goal
from billing.flow.outturn import Outturn, Row, outturn_of
from billing.flow.report import known_run, latest_comparison, paid_twice
from billing.flow.reversing import given_back

FOLLOWING: dict[str, tuple[str, tuple[str, ...]]] = {
    # row: (what is so, or what the kind says of it, the commands that look at such lines); those that need nothing are
    # not here
    "on_its_way": ("{awaits}", ("settle",)),
    "customer_must_act": ("ask the customer to confirm with the bank or to pay; then look", ("resolve",)),
    "declined_for_now": ("tried again when its date has come", ("retry",)),
    "declined_for_good": ("ask for another card or bank account", ()),
    "no_answer_yet": ("Stripe is asked what became of it", ("resolve",)),
    "look_in_stripe": ("a person opens the payment in Stripe; then look again", ("resolve", "settle")),
    "not_paid": ("for the reason that the report says", ()),
    "not_yet": ("the same command goes on", ()),
}
BEYOND: dict[str, str] = {
    # row: what is so of its lines that none of its commands looks at
    "customer_must_act": "closed unpaid: agree with the customer how else to pay",
    "look_in_stripe": "a person opens the payment in Stripe; the run then goes on with it",
    "declined_for_now": "may work on another day; nothing tries again by itself",
}
WHOM_TO_ASK = (
    "a list of these, with a link for each: who saves another card on it is tried again, a closed line with --closed"
)
LOOKS_AT = {"resolve": TAKES[Goal.RESOLVE], "settle": TAKES[Goal.SETTLE], "retry": frozenset({Phase.RESTING})}
# A command is named for as many lines as it would look at: one that finds nothing to do teaches nobody to trust it.
WAITING = (
    "have the account put right in Stripe, or take its lines out of the sheet; then the same command goes on with them"
)
WHILE_RUNNING = frozenset({"not_yet", "no_answer_yet", "on_its_way"})
STOPPED_BY_KEY = frozenset({"not_yet", "no_answer_yet"})
# Rows of which nothing is said: a running process sees to them, or none can.
GOES_ON: Mapping[Kind, tuple[str, str]] = {Kind.SUBSCRIPTION: ("which renewals failed since", "links")}
# What nobody here does once an item has succeeded, and the command that reads it.
MOST_REASONS = 6
PLACE = 24
# Where the text of what comes next begins.


def run_table(ledger: Ledger, run_id: str) -> list[str]:
    """Write where every line of a run stands."""
    record = known_run(ledger, run_id)
    outturn = outturn_of(ledger, record)
    known = [*_undone(ledger, record), *_later(outturn, record), *_compared(ledger, run_id), *_twice(ledger, run_id)]
    return [*totals_table(outturn), *known]


def _compared(ledger: Ledger, run_id: str) -> list[str]:
    """Write how the run compared with Stripe the last time, and when that was."""
    found = latest_comparison(ledger, run_id)
    if found is None:
        return []
    when = str(found["as_of"])[:16].replace("T", " ")
    count = int(found["discrepancies"])
    said = "nothing differed" if not count else f"{plural(count, 'discrepancy', 'discrepancies')}, which it names"
    return [f"  compared with Stripe {when} UTC: {said}"]


def _later(outturn: Outturn, record: RunRecord) -> list[str]:
    """Say which command reads how what succeeded goes on, for kinds whose items do without us."""
    sentence, verb = GOES_ON.get(record.kind, ("", ""))
    succeeded = bool(verb) and "paid" in outturn.rows
    return [f"  {sentence}: {following(verb, live=record.mode is Mode.LIVE)}"] if succeeded else []


def _undone(ledger: Ledger, record: RunRecord) -> list[str]:
    """Write what other runs have undone of a run: the rows above say what it came to, and stay as they are."""
    found = given_back(ledger, record)
    if found is None or not (found.items or found.on_their_way):
        return []
    said = f"{plural(found.items, 'line')}  {amounts(found.totals)}".rstrip()
    later = f", {found.on_their_way:,} more on the way" if found.on_their_way else ""
    return [f"  of that {found.done}: {said}{later}"]


def _twice(ledger: Ledger, run_id: str) -> list[str]:
    """Write what a rebuild found to be paid twice: it stays to be said until a person has seen to it in Stripe."""
    return [visible(f"  ! PAID TWICE: {each}; refund one of the two in Stripe") for each in paid_twice(ledger, run_id)]


def when_stopped(code: Exit) -> list[str]:
    """Say what to type after a stop, and before it what has to be mended, or nothing when nothing has stopped."""
    if code is Exit.OK:
        return []
    if code is Exit.STOPPED:
        return ["", f"When a person has looked, this goes on: {again()}"]
    if code is Exit.CREDENTIALS:
        return [
            "",
            "The key has to be mended first; doctor names what it lacks.",
            f"Next: {following('doctor')}",
            f"When the key is right, this goes on: {again()}",
        ]
    return ["", f"Next: {again()}"]


def what_comes_next(ledger: Ledger, run_id: str, *, running: bool = False, stopped: Exit = Exit.OK) -> list[str]:
    """Write what is left to do, row by row, with commands on lines of their own; nothing when nothing is.

    Args:
        ledger: where the run stands.
        run_id: which one.
        running: whether another process is at it: it finishes what is open, and nothing is to be typed for that.
        stopped: why the command ended early; with a key that must be mended no other command would get further.
    """
    record = known_run(ledger, run_id)
    silent = STOPPED_BY_KEY if stopped is Exit.CREDENTIALS else WHILE_RUNNING if running else frozenset[str]()
    lines = list(steps(outturn_of(ledger, record), record, silent, running=running))
    return ["", "What comes next", *lines] if lines else []


def next_commands(ledger: Ledger, run_id: str, *, running: bool = False) -> list[str]:
    """Return the commands alone that `what_comes_next` names, each once."""
    named = what_comes_next(ledger, run_id, running=running)
    return list(dict.fromkeys(line.strip() for line in named if line.startswith(" " * PLACE + "billing ")))


def steps(outturn: Outturn, record: RunRecord, silent: frozenset[str], *, running: bool) -> Iterator[str]:
    """Yield what is left to do of each row; a command is named only where it would find something to do."""
    asked = False
    for code, (sentence, verbs) in FOLLOWING.items():
        row = outturn.rows.get(code)
        if row is None or code in silent:
            continue
        seen, label = dict(_seen_by(_verbs(verbs, record), row)), outturn.label(code)
        sentence = sentence.format(awaits=outturn.life.awaits)
        for verb, count in seen.items():
            yield from _paragraph(f"{count:,} {label}", sentence)
            if not running:
                yield " " * PLACE + _typed(verb, record)
        if beyond := row.lines - sum(seen.values()):
            asked = True
            yield from _paragraph(f"{beyond:,} {label}", BEYOND.get(code, sentence))
        if code == "customer_must_act" and record.kind is Kind.CHARGE and not running:
            yield from _paragraph("", WHOM_TO_ASK)
            yield " " * PLACE + following("retry", record.run_id, ask="ask.csv")
    for code, write in (("paid", _since), ("account_refuses", _waiting), ("left_out", _left_out)):
        written = list(write(outturn.rows[code])) if code in outturn.rows else []
        asked = asked or bool(written)
        yield from written
    if asked:
        yield from _paragraph("each line", "with its reason and what to do")
        yield " " * PLACE + following("report", record.run_id, out="report.csv")


def _verbs(verbs: Iterable[str], record: RunRecord) -> tuple[str, ...]:
    """Return the commands that there are for a kind: Stripe itself tries again what renews by itself."""
    return tuple(verb for verb in verbs if verb != "retry" or record.kind is Kind.CHARGE)


def _seen_by(verbs: Iterable[str], row: Row) -> Iterator[tuple[str, int]]:
    """Yield at how many lines of a row each command looks; a line is counted for the first one that does."""
    left = dict(row.states)
    for verb in verbs:
        if count := sum(left.pop(state) for state in list(left) if _looks_at(verb, state)):
            yield verb, count


def _looks_at(verb: str, state: StrEnum) -> bool:
    """Tell whether a command takes up items of a state; retry also what its bank has taken back."""
    return phase_of(state) in LOOKS_AT[verb] or (verb == "retry" and state in life_of(state).taken_back)


def _since(row: Row) -> Iterator[str]:
    """Name what has become of lines that had succeeded: renewals that were declined."""
    for code, count in row.reasons.most_common(MOST_REASONS):
        yield from _paragraph(f"{count:,} {code.replace('_', ' ')}"[: PLACE - 3], "after all had gone well")


def _waiting(row: Row) -> Iterator[str]:
    """Name the accounts that refuse everything, each with its reason; what helps is the same for all."""
    most = row.waiting.most_common()
    for (account, code), count in most[:MOST_REASONS]:
        yield from _paragraph(f"{count:,} account refuses", f"{account}: {code.replace('_', ' ')}")
    if more := most[MOST_REASONS:]:
        yield from _paragraph(f"{sum(count for _, count in more):,} account refuses", f"{len(more)} more accounts")
    yield from _paragraph("", WAITING)


def _left_out(row: Row) -> Iterator[str]:
    for code, count in row.reasons.most_common(MOST_REASONS):
        meaning, what_to_do, _ = SKIPS.get(code, SkipReason(code.replace("_", " "), ""))
        yield from _paragraph(f"{count:,} left out", meaning + (f": {what_to_do}" if what_to_do else ""))
    more = row.reasons.most_common()[MOST_REASONS:]
    if more:
        yield from _paragraph(f"{sum(count for _, count in more):,} left out", f"for {len(more)} more reasons")


def _typed(verb: str, record: RunRecord) -> str:
    return following(verb, record.run_id, live=record.mode is Mode.LIVE)


def _paragraph(label: str, text: str) -> Iterable[str]:
    first = f"  {label}".ljust(PLACE - 1) + " "
    return textwrap.wrap(visible(text), WIDTH, initial_indent=first, subsequent_indent=" " * PLACE)


def said_of(code: Exit, meaning: str = "") -> str:
    """Return the last line of a command that did something: what its exit code means, in words."""
    text = f"Ended with exit {int(code)}: {meaning or MEANINGS[code][0].replace('`', '')}."
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
