"""Try again what is due: show who and who not, ask, try, and say what became of it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from billing.cli.books import open_books
from billing.cli.endings import run_table, said_of, what_comes_next, when_stopped
from billing.cli.options import Sending
from billing.cli.progress_bar import watching
from billing.cli.services import services_for
from billing.cli.session import ErrorStyle, Session
from billing.cli.tables import amounts, lined_up, plural
from billing.cli.terminal import is_terminal, prompt, write_err, write_json, write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Kind, Mode
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.opening import files_of
from billing.edge.logs import visible
from billing.edge.methods_file import named_methods
from billing.edge.outputs import ASK, Target
from billing.flow.carry_out import requests_sent
from billing.flow.open_services import ServiceOptions
from billing.flow.options import RunOptions
from billing.flow.report import known_run
from billing.flow.retrying.asking import as_csv, whom_to_ask
from billing.flow.retrying.carry_out import Retried, Retrying, retry
from billing.flow.retrying.due import LEFT, WHY, Round, Row, Why
from billing.flow.retrying.methods import Named
from billing.flow.services import Services

NOTHING_DUE = "Nothing is due: nothing was asked, and nothing is charged."


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed; the fields are named like the options."""

    run: str | None
    options: RunOptions
    sending: Sending
    method: tuple[str, ...] = ()
    methods: str = ""
    new_defaults: bool = True
    closed: bool = False
    ask: str = ""
    force: bool = False
    dry_run: bool = False
    yes: bool = False


async def carry_out(session: Session, asked: Asked) -> int:
    """Look, ask, try, print; return the exit code.

    Raises:
        UsageError: it contradicts itself, nothing matches, or the answer was no.
        InvalidInput: payment methods that cannot be used.
    """
    named = tuple(Named(*each) for each in named_methods(asked.method, asked.methods))
    if (named or asked.ask) and asked.run is None:
        raise UsageError("payment methods, and whom to ask, are those of one run: name the run")
    if asked.ask:
        return await _list(session, asked)
    opening = await _opening(session, asked)
    async with services_for(session, opening) as services:
        wanted = Retrying(
            asked.run,
            session.settings,
            session.environ,
            asked.options,
            named,
            asked.new_defaults,
            asked.closed,
            asked.options.declines_ok,
            asked.dry_run,
        )

        def agree(rounds: Sequence[Round]) -> None:
            if not ErrorStyle.json_log:
                for line in plan_of(rounds):
                    write_err(line)
            _agree(rounds, services.mode, yes=asked.yes)

        done = await retry(services, wanted, agree=agree, watching=watching)
        _print(session, services, asked, done)
        return done.exit


async def _list(session: Session, asked: Asked) -> int:
    """Write whom to ask; nothing is sent, and no key is needed."""
    settings = session.settings
    async with open_books(session) as ledger:
        record = known_run(ledger, asked.run or "")
        if record.kind is not Kind.CHARGE:
            raise UsageError(f"run {record.run_id} has no charges that customers could hold up")
        found = list(whom_to_ask(ledger, record, settings.public_url or "", datetime.now(UTC)))
    if session.json:
        write_json({"run": record.run_id, "ask": [asdict(each) for each in found]})
    elif asked.ask == "-":
        write_out(as_csv(iter(found)))
    if asked.ask != "-":
        Target(Path(asked.ask), ASK, files_of(settings.ledger), asked.force, "--ask").write(as_csv(iter(found)))
    write_err(f"{plural(len(found), 'line')} of {record.run_id} wait for their customers.")
    if any(each.closed for each in found):
        write_err("Closed ones among them are tried again only with --closed.")
    if found and not settings.public_url:
        write_err("There are no links: set collect.public_url, and serve billing collect.")
    return Exit.OK


async def _opening(session: Session, asked: Asked) -> ServiceOptions:
    """Return how the desk is opened: for the mode of the run that is named, else for that of the settings."""
    sending = asked.sending
    mode = Mode.LIVE if sending.live else session.settings.mode
    if asked.run is not None:
        async with open_books(session) as ledger:
            mode = known_run(ledger, asked.run).mode
    purpose = f"retry {asked.run}" if asked.run else "retry"
    opening = ServiceOptions(mode, purpose, live=sending.live, wait=sending.wait, rate=sending.rate)
    return replace(opening, making=Making.NEVER, plans=asked.dry_run)


def plan_of(rounds: Sequence[Round]) -> Iterator[str]:
    """Write who is tried now with how much money, and who is not, why and until when."""
    for found in rounds:
        if not (found.whys or found.left or found.renewed):
            continue
        zone = ZoneInfo(str(found.record.header.get("timezone") or "UTC"))
        yield ""
        yield visible(f"{found.record.run_id}: {plural(found.tried.lines, 'line')} to try again")
        rows = [_cells(WHY[why], row, zone) for why, row in found.whys.items()]
        if not rows:
            rows = [["nothing is due", "0", "", ""]]
        rows += [_cells(LEFT[why], row, zone) for why, row in found.left.items()]
        yield from (f"  {visible(line)}" for line in lined_up(rows, right=(1,)))
        if found.looked_up:
            who = f"{plural(found.looked_up, 'customer')} who must act"
            yield f"  {who} looked up for another default: a read each (--no-new-defaults spares it)."


def _cells(words: str, row: Row, zone: ZoneInfo) -> list[str]:
    when = "" if row.next_try is None else f"from {row.next_try.astimezone(zone):%a %-d %b %Y, %H:%M}"
    return [words, f"{row.lines:,}", amounts(row.totals), when]


def _agree(rounds: Sequence[Round], mode: Mode, *, yes: bool) -> None:
    """Have a person say yes; in live mode by typing the total of the first currency.

    Raises:
        UsageError: the answer was no, or nobody is there to ask.
    """
    if yes:
        return
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError("there is no terminal to ask on; nothing was sent (add --yes)")
    tried = sum((found.tried.totals for found in rounds), start=Row().totals)
    lines = sum(found.tried.lines for found in rounds)
    if not lines:
        closes = sum(found.whys[Why.CLOSES].lines for found in rounds if Why.CLOSES in found.whys)
        question = f"Close {plural(closes, 'line')} unpaid and charge nothing? Type yes: "
        agreed = prompt(question, "yes", "--yes")
    elif mode is Mode.LIVE:
        code, minor = max(tried.items(), key=lambda total: total[1])
        total = amounts({code: minor})
        write_err(f"This charges {plural(len({c for f in rounds for c in f.customers}), 'customer')}, for real:")
        write_err(f"  {amounts(tried)}")
        question = f"Type the {code.upper()} total to go on, anything else to leave: "
        agreed = prompt(question, (total, total.partition(" ")[2]), "--yes")
    else:
        agreed = prompt(f"Try {plural(lines, 'line')} again in test mode? Type yes: ", "yes", "--yes")
    if not agreed:
        raise UsageError("not confirmed; nothing was sent")


def _print(session: Session, services: Services, asked: Asked, done: Retried) -> None:
    if session.json:
        write_json(done.summary(services))
    else:
        write_out("".join(line + "\n" for line in _as_text(services, asked, done)))


def _as_text(services: Services, asked: Asked, done: Retried) -> Iterator[str]:
    if asked.dry_run or not done.runs:
        yield from plan_of(done.rounds)
        yield ""
        yield "Nothing was charged (--dry-run)." if asked.dry_run else NOTHING_DUE
    for run_id in done.runs:
        yield run_id
        yield ""
        yield from run_table(services.ledger, run_id)
        yield from what_comes_next(services.ledger, run_id, stopped=done.ending.exit)
    sent = requests_sent(services)["sent"]
    yield f"  {plural(sent, 'request')}"
    if done.ending.exit:
        yield f"stopped: {visible(done.ending.reason)}"
    yield from when_stopped(done.ending.exit)
    yield said_of(done.exit)
