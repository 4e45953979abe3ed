"""Give back every input line with what became of it."""

from collections.abc import Iterator
from pathlib import Path

from billing.cli.books import open_books
from billing.cli.endings import run_table
from billing.cli.face import answer
from billing.cli.session import Common, begin, run_async
from billing.cli.tables import amount, lined_up
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.states import Group
from billing.edge.ledger import Ledger
from billing.edge.logs import visible
from billing.edge.privatefile import write_private
from billing.flow.report import as_csv, as_json, known_run

FORMATS = ("text", "csv", "json")

SHOWN = 50
# Lines a person reads on a terminal; the CSV has them all.


def report(common: Common, run_id: str, report_format: str, out: Path | None) -> int:
    """Carry out `billing report`."""
    if report_format not in FORMATS:
        raise UsageError(f"--format {report_format} is none of {', '.join(FORMATS)}")
    session = begin(common)

    async def verb() -> int:

        async with open_books(session) as ledger:
            chunks = {"text": as_text, "csv": as_csv, "json": as_json}[report_format](ledger, run_id)
            known_run(ledger, run_id)
            if out is None:
                answer(chunks)
            else:
                write_private(out, chunks)
        return Exit.OK

    return run_async(verb)


def as_text(ledger: Ledger, run_id: str) -> Iterator[str]:
    """The table of a run, and the lines that need somebody."""
    record = known_run(ledger, run_id)
    yield f"Run {run_id}: {record.status}, {record.mode} mode\n"
    yield "".join(line + "\n" for line in run_table(ledger, run_id))
    rows, more = _needing(ledger, run_id)
    if rows:
        head = ["line", "reference", "account", "amount", "status", "reason", "what to do"]
        yield "\n" + "".join(visible(line) + "\n" for line in lined_up([head, *rows], right=(0, 3)))
    if more:
        yield f"... and {more} more: billing report {run_id} --format csv\n"


def _needing(ledger: Ledger, run_id: str) -> tuple[list[list[str]], int]:
    """Return the first lines that are not paid, and how many more there are."""
    rows: list[list[str]] = []
    more = 0
    for line in ledger.report(run_id):
        known = line.known
        if known is None or not line.owned:
            cells = [str(line.line), *line.cells[:1], *[""] * (1 - len(line.cells[:1])), "", "", str(Group.SKIPPED)]
            cells += [line.detail or line.reason, ""]
        elif group_of(known) in {Group.SUCCEEDED, Group.PROCESSING}:
            continue
        else:
            facts = known.facts
            money = f"{known.currency.upper()} {amount(known.amount, known.currency)}"
            reason = str(facts.get("reason_code") or "")
            what = str(facts.get("what_to_do") or "")
            cells = [str(line.line), known.reference, known.account, money, str(group_of(known)), reason, what]
        if len(rows) < SHOWN:
            rows.append(cells)
        else:
            more += 1
    return rows, more
