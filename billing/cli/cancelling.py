"""Cancel a run or some of its lines: say what is closed, ask, close it, and say what could not be."""

from dataclasses import dataclass, replace
from typing import Any

from billing.cli.books import open_books
from billing.cli.endings import run_table, said_of, when_stopped
from billing.cli.options import Sending
from billing.cli.progress_bar import watching
from billing.cli.services import services_for
from billing.cli.session import Session
from billing.cli.tables import amounts, plural
from billing.cli.terminal import prompt, write_err, write_json, write_out
from billing.cli.typed import again, following
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.core.records import RunRecord
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import visible
from billing.edge.texts.reasons import recorded_reason
from billing.flow.cancelling import Cancellation, cancel, look_through, worth
from billing.flow.carry_out import requests_sent
from billing.flow.follow import policies_of
from billing.flow.kinds.inverses import INVERSES
from billing.flow.open_services import ServiceOptions
from billing.flow.options import Ending, RunOptions, Selection
from billing.flow.report import known_run, summary
from billing.flow.services import Services

CLOSED = "nothing that was named is left to close"
# What a good end means here: other lines of the run may well wait to be charged.


@dataclass(frozen=True, slots=True)
class Cancel:
    """What is closed and why: a run, the reason that goes on record, which of its items; ``yes`` asks nothing."""

    run: str
    reason: str
    selection: Selection
    sending: Sending
    yes: bool = False

    def __post_init__(self) -> None:
        """Refuse a reason that says nothing, or that says what no record may hold.

        Raises:
            UsageError: it is empty, too long for the record, or has an address, a card or bank account, or a key in it.
        """
        recorded_reason(self.reason, "why nothing more is charged", "nothing was closed")


async def carry_out(session: Session, asked: Cancel) -> int:
    """Look, ask, close, print; return the exit code.

    Raises:
        UsageError: nothing matches, the ledger has no such run, or the answer was no.
    """
    async with open_books(session) as ledger:
        record = known_run(ledger, asked.run)
    sending = asked.sending
    opening = ServiceOptions(
        record.mode,
        f"cancel {asked.run}",
        live=sending.live,
        wait=sending.wait,
        rate=sending.rate,
        making=Making.NEVER,
    )
    async with services_for(session, opening) as services:
        found = look_through(services.ledger, asked.run, asked.selection)
        _require_match(found, asked.selection)
        ending = Ending()
        if found.closes:
            _agree(asked, found)
            ending = await _carry_out(session, services, record, asked, found)
        after = look_through(services.ledger, asked.run, asked.selection)
        code = worth(ending, after, named=bool(asked.selection.only))
        _print(session, services, asked, found, after, ending, code)
        return code


def _require_match(found: Cancellation, selection: Selection) -> None:
    """Refuse a pattern that names nothing.

    Raises:
        UsageError: there is one.
    """
    unmatched = [each for each in (*selection.only, *selection.exclude) if each not in found.named]
    if unmatched:
        raise UsageError(f"nothing matches {visible(', '.join(unmatched))}; nothing was closed")


def _agree(asked: Cancel, found: Cancellation) -> None:
    money = amounts({code: minor for code, minor in found.totals.items() if minor})
    write_err(f"This closes {plural(found.closes, 'line')} of {asked.run} unpaid{money and ': '}{money}")
    write_err("What may be on its way is looked at first; what is paid stays paid.")
    if not asked.yes and not prompt("Type yes to go on, anything else to leave: ", "yes", "--yes"):
        raise UsageError("not confirmed; nothing was closed")


async def _carry_out(
    session: Session, services: Services, record: RunRecord, asked: Cancel, found: Cancellation
) -> Ending:
    policies = policies_of(record, session.settings)
    options = RunOptions(concurrency=services.rates.items, per_account=session.settings.per_account_concurrency)
    with watching(f"cancel {asked.run}") as watch:
        return await cancel(services, asked.run, found, asked.reason.strip(), policies, replace(options), watch)


def _print(
    session: Session,
    services: Services,
    asked: Cancel,
    found: Cancellation,
    after: Cancellation,
    ending: Ending,
    code: Exit,
) -> None:
    closed = found.closes - after.closes
    if session.json:
        facts: dict[str, Any] = {
            "closed": closed,
            "left_open": len(after.rows),
            "processing": after.processing,
            "paid": after.paid_count,
            "paid_references": after.paid,
        }
        write_json(
            summary(services.ledger, asked.run, exit_code=code, requests=requests_sent(services)) | {"cancel": facts}
        )
        return
    head = f"{plural(closed, 'line')} of {asked.run} closed unpaid" if found.closes else "There is nothing to cancel."
    lines = [head, "", *run_table(services.ledger, asked.run)]
    if ending.exit:
        lines += ["", f"stopped: {visible(ending.reason)}"]
    lines += _left(asked, known_run(services.ledger, asked.run), after, ending.exit)
    write_out("".join(line + "\n" for line in [*lines, said_of(code, CLOSED if code is Exit.OK else "")]))


def _left(asked: Cancel, record: RunRecord, after: Cancellation, stopped: Exit) -> list[str]:
    """Say what could not be closed, and what helps."""
    lines = []
    if after.paid_count:
        named = visible(", ".join(after.paid[:5])) + (" and more" if after.paid_count > 5 else "")
        done = LIVES[record.kind].word(Group.SUCCEEDED)
        lines.append(f"  {plural(after.paid_count, 'line')} {done}: {named}.")
        if inverse := INVERSES.get(record.kind):
            undo = following("reverse", asked.run, only=after.paid[:5], out="undo.yaml", **inverse.example)
            lines += [f"  To {inverse.verb} that:", f"    {undo}"]
    if after.processing:
        lines += [
            f"  {plural(after.processing, 'line')} on the way to the bank, which nothing closes. Next:",
            f"    {following('settle', asked.run)}",
        ]
    if after.rows:
        left = f"  {plural(len(after.rows), 'line')} could not be closed yet."
        lines += [left] if stopped else [f"{left} Next:", f"    {again()}"]
    return lines + when_stopped(stopped)
