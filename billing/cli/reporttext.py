"""A report as a person reads it on a terminal: the totals, then the lines that need somebody, or those asked for."""

import textwrap
from collections.abc import Generator, Iterator
from datetime import UTC, datetime

from billing.cli.endings import run_table
from billing.cli.tables import WIDTH, amount, lined_up, plural, priced, totals_table
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.kinds.columns import COLUMNS
from billing.core.life import Group
from billing.core.records import ReportLine, RunRecord
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.attendance import Attendance
from billing.edge.logs import visible
from billing.flow.accounts import AccountTotal, account_totals, summed
from billing.flow.attention import needs_somebody
from billing.flow.outturn import gathered, tally_of
from billing.flow.report import EVERY_LINE, Wanted, describe, known_run, status_of
from billing.flow.standing import standing_of

SHOWN = 50
# Lines that need somebody, on a terminal; whoever asks for some lines gets all of those.


def as_text(ledger: Ledger, run_id: str, attendance: Attendance, wanted: Wanted = EVERY_LINE) -> Iterator[str]:
    """Stream a report as text; its last sentence says where every line is.

    Args:
        ledger: what is on record.
        run_id: of the run.
        attendance: see `standing_of`.
        wanted: which lines; without a choice those that need somebody.
    """
    record = known_run(ledger, run_id)
    yield f"Run {run_id}: {standing_of(ledger, record, attendance).state}, {record.mode} mode\n\n"
    if wanted != EVERY_LINE:
        yield from _asked_for(ledger, record, wanted)
        return
    yield "".join(line + "\n" for line in run_table(ledger, run_id))
    listed = more = quiet = 0
    for line in ledger.report(run_id):
        if not needs_somebody(line, record):
            quiet += 1
        elif listed < SHOWN:
            yield "" if listed else "\nLines that need somebody\n"
            yield from _line(line, record)
            listed += 1
        else:
            more += 1
    waiting = yield from _unanswered(ledger, record)
    yield _where_the_rest_is(run_id, listed + waiting, more, quiet - waiting)


def _unanswered(ledger: Ledger, record: RunRecord) -> Generator[str, None, int]:
    """Write who has not answered yet: where that may be done, and for how long; return how many."""
    if not COLUMNS[record.kind].links:
        return 0
    count, now = 0, datetime.now(UTC)
    for line in ledger.report(record.run_id):
        told = describe(line, record, ledger.link_key)
        if not told["link"] or line.item is None:
            continue
        count += 1
        if count <= SHOWN:
            yield "" if count > 1 else "\nWho has not answered yet\n"
            yield visible(f"  {line.item.reference:<28} {days_left(told['link_valid_until'], now)}") + "\n"
            yield f"    {visible(told['link'])}\n"
    if count > SHOWN:
        yield f"  {count - SHOWN:,} more: billing report {record.run_id} -o report.csv\n"
    return count


def days_left(until: str, now: datetime) -> str:
    """Say how long a link is open, in words."""
    hours = (datetime.fromisoformat(until) - now).total_seconds() / 3600 if until else 0.0
    if hours <= 0:
        return "the link is over"
    return f"{hours // 24:.0f} days left" if hours >= 48 else f"{max(hours, 1):.0f} hours left"


def _asked_for(ledger: Ledger, record: RunRecord, wanted: Wanted) -> Iterator[str]:
    """Write what was asked for: the totals of those lines, then each of them."""
    life, run_id = LIVES[record.kind], record.run_id
    yield f"{visible(only(wanted))}\n\n"
    found = gathered((tally_of(line, life) for line in ledger.report(run_id) if wanted.takes(line)), life)
    yield "".join(line + "\n" for line in totals_table(found, "asked for")) + "\n"
    count = 0
    for line in ledger.report(run_id):
        if wanted.takes(line):
            count += 1
            yield from _line(line, record)
    yield f"{plural(count, 'line')}\n"


def only(wanted: Wanted) -> str:
    """Say that a report has not every line, but those asked for."""
    return f"Only lines of {wanted.said}"


def _where_the_rest_is(run_id: str, listed: int, more: int, quiet: int) -> str:
    said = []
    if more:
        said.append(f"{more:,} more lines need somebody.")
    if quiet:
        said.append(
            f"{quiet:,} {'line needs' if quiet == 1 else 'lines need'} nobody" + ("." if listed else " at all.")
        )
    said.append("Every line is in")
    return "\n" + " ".join(said) + f"\n  billing report {run_id} -o report.csv\n"


def _line(line: ReportLine, record: RunRecord) -> Iterator[str]:
    """Write one line of the sheet: what and how much, who, and why with what to do."""
    ours = describe(line, record)
    item = line.item
    reference = line.written("reference") if item is None else item.reference
    money = "" if item is None else priced(item.amount, item.currency)
    head = f"  line {line.line:<5} {reference:<28} {money:>18}  {LIVES[record.kind].word(status_of(line))}"
    yield visible(head.rstrip()) + "\n"
    if item is not None:
        yield _indented(f"{item.account}  {item.payer}  {item.object_id or ''}".rstrip())
    code = f" ({ours['reason_code']})" if ours["reason_code"] else ""
    if ours["reason"] or code:
        yield _indented(f"{ours['reason']}{code}".strip())
    if ours["what_to_do"]:
        yield _indented(ours["what_to_do"])


def _indented(text: str) -> str:
    return textwrap.fill(visible(text), WIDTH, initial_indent="    ", subsequent_indent="    ") + "\n"


def accounts_as_text(ledger: Ledger, run_id: str, wanted: Wanted = EVERY_LINE) -> Iterator[str]:
    """Write the totals of each connected account, a line for each of its currencies; the last lines are their sums."""
    kind = known_run(ledger, run_id).kind
    done = LIVES[kind].word(Group.SUCCEEDED)
    nowhere = "(the platform)" if kind is Kind.PAYER else "(set aside)"
    head = ["account", "", "lines", "sheet", done, "on its way", f"not {done}"]
    found = account_totals(ledger, run_id, wanted)
    body = [[one.account or nowhere, *_cells(one)] for one in found]
    sums = [["all", *_cells(one)] for one in summed(found)]
    yield f"Run {run_id}: totals per connected account\n\n"
    yield f"{visible(only(wanted))}\n\n" if wanted != EVERY_LINE else ""
    yield "".join(f"  {visible(line)}\n" for line in lined_up([head, *body, *sums], range(2, len(head))))


def _cells(one: AccountTotal) -> list[str]:
    if not one.currency:
        return ["", f"{one.lines:,}", "", "", "", ""]
    shown = [amount(minor, one.currency) if minor else "-" for minor in (one.sheet, one.paid, one.on_its_way, one.open)]
    return [one.currency.upper(), f"{one.lines:,}", *shown]
