"""Write the money of a run, or of a period, as a journal for a bookkeeper's program."""

import difflib
import shlex
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from billing.cli.books import open_books
from billing.cli.session import Session
from billing.cli.tables import plural
from billing.cli.terminal import write_err, write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.journals.formats import FORMATS, UTF_8, Format
from billing.core.journals.journal import Journal
from billing.core.journals.roles import Chart
from billing.core.money import CURRENCIES
from billing.edge.logs import visible
from billing.edge.outputs import Target
from billing.flow.exporting import Slice, Survey, compared, journal_of, require_fit, scope_of


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What was typed: see the options of `billing export`."""

    run: str | None
    period: str | None
    to: str | None
    out: Path | None
    accounts: tuple[str, ...] = ()
    currency: str | None = None
    since: str | None = None
    until: str | None = None
    declare: bool = True

    def format(self) -> Format:
        """Return the format that was asked for.

        Raises:
            UsageError: there is none of that name, or none was named.
        """
        every = ", ".join(FORMATS)
        if self.to is None:
            raise UsageError(f"say whom the file is for: --to one of {every}")
        if self.to not in FORMATS:
            close = difflib.get_close_matches(self.to.lower(), FORMATS, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"--to {visible(self.to)} is none of {every}{meant}")
        return FORMATS[self.to]

    def slice(self) -> Slice:
        """Return which part of the journal was asked for.

        Raises:
            UsageError: an option has no such value.
        """
        code = (self.currency or "").lower()
        if code and code not in CURRENCIES:
            raise UsageError(f"--currency {visible(code)} is no currency: write a code such as eur")
        since, until = _day("--since", self.since), _day("--until", self.until)
        if since and until and until < since:
            raise UsageError(f"--until {until} is before --since {since}")
        return Slice(frozenset(self.accounts), code, since, until)

    def require_usable(self) -> None:
        """Refuse what cannot be written, before anything is opened.

        Raises:
            UsageError: an option has no such value, or the file cannot be called so.
        """
        target = self.format()
        self.slice()
        if (self.run is None) == (self.period is None):
            raise UsageError("name a run, or every run of a period with --period 2026-11")
        if target.encoding != UTF_8 and self.out is None:
            raise UsageError(
                f"a file of {target.reads} is not UTF-8, so it goes to no terminal: add -o {_named(target)}"
            )
        if self.out is not None and not self.out.name.startswith(target.prefix):
            raise UsageError(f"{target.reads} takes files whose names begin with {target.prefix}: -o {_named(target)}")

    def typed(self) -> str:
        """Return the command so far, for what to type instead."""
        scope = self.run if self.run is not None else f"--period {self.period}"
        return f"billing export {visible(shlex.quote(scope) if self.run is not None else scope)} --to {self.to}"


def _named(target: Format) -> str:
    return f"{target.prefix}export.csv"


def _day(flag: str, text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{flag} {visible(text)} is no day: write it as 2026-11-01") from None


def _chart(session: Session, target: Format) -> Chart:
    """Return what accounts are called in the file.

    Raises:
        UsageError: the program does not take some of the names; with all of them.
    """
    chart = Chart(session.settings.books, target.account)
    reasons: dict[str, list[str]] = {}
    for role, name, why in chart.faults():
        reasons.setdefault(why, []).append(f'export.{role} "{visible(name)}"')
    if reasons:
        faults = "; ".join(f"{', '.join(names)}: each {why}" for why, names in reasons.items())
        raise UsageError(f"accounts that {target.reads} does not take: {faults}")
    return chart


async def write_export(session: Session, asked: ExportRequest, target: Target | None) -> int:
    """Read the ledger and write the journal, to stdout or where it was asked for."""
    form = asked.format()
    chart = _chart(session, form)
    async with open_books(session) as ledger:
        scope = scope_of(ledger, asked.run, asked.period, session.settings.mode)
        last = compared(ledger, scope)
        made = journal_of(ledger, scope, chart, asked.slice(), last, session.settings.importers, declare=asked.declare)
        if made is None:
            write_err(visible(f"{scope.title}: nothing was booked that this asks for; nothing was written"))
            return Exit.OK
        journal, survey = made
        require_fit(journal, survey, form, asked.typed())
        if target is None:
            write_out(form.write(journal))
        else:
            target.write(form.write(journal), form.encoding)
        for line in _told(journal, survey, form, target):
            write_err(visible(line))
    return Exit.OK


def _told(journal: Journal, survey: Survey, form: Format, target: Target | None) -> list[str]:
    told = [f"! {note}" for note in journal.notes]
    if form.rows and survey.rows > form.rows:
        told.append(
            f"! {plural(survey.rows, 'row')}: {form.reads} takes {form.rows:,} at once; "
            "--account, --since and --until part them"
        )
    if target is not None:
        told.append(f"{target.path}: written, {plural(survey.rows, 'posting')} for {form.reads}")
    return told
