"""A comparison as a person reads it on a terminal: the sentence, the difference item by item, from line to bank."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from textwrap import wrap
from zoneinfo import ZoneInfo

from billing.cli.tables import WIDTH, amount, lined_up, plural, priced
from billing.cli.typed import again, following
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kinds import Place
from billing.core.reconciling.sums import Sums
from billing.flow.reconciling import telling
from billing.flow.reconciling.reconcile import Reconciled

ENDINGS: Mapping[Exit, str] = {
    Exit.OK: "everything ties",
    Exit.DECLINES: "something differs; it is named above",
    Exit.UNFINISHED: "what was read ties; some lines are open, or an account was not read",
    Exit.UNREACHABLE: "Stripe did not answer; nothing is concluded, and the same command goes on",
}
SHOWN = 50
# Accounts and findings of a kind on a terminal; the JSON has all.


def as_text(done: Reconciled, mode: Mode, zone: str) -> Iterator[str]:
    """Yield the lines of a comparison."""
    clock = ZoneInfo(zone)
    yield f"Reconciliation of {done.scope.name}: line to bank, {mode} mode"
    if mode is not Mode.LIVE:
        yield "Test mode: no money moved."
    yield f"{plural(done.items, 'line')} on {plural(len(done.results), 'connected account')}, against Stripe's"
    yield "balance transactions and payouts"
    yield f"As of {_moment(done.as_of, clock)}, {zone}"
    yield ""
    yield from _verdict(done)
    yield from _difference(done, clock)
    for currency, sums in done.totals.items():
        yield from _statement_of(currency, sums, clock)
    yield from _also(done, clock)
    yield from _by_account(done)
    yield from _to_sign(done, clock)
    yield from _proof(done)
    yield f"Exit code {int(done.exit)}: {ENDINGS[done.exit]}."


def _verdict(done: Reconciled) -> Iterator[str]:
    yield from _wrapped(telling.sentence(done, priced), "")
    if done.results:
        yield from _wrapped(telling.agreement(done), "")
    for fine, says in telling.checks(done):
        yield f"  {says}" if fine else f"  ! {says}"
    if done.open:
        yield f"  {plural(done.open, 'line')} still open: {following('settle')} and billing resolve follow them"


def _difference(done: Reconciled, clock: ZoneInfo) -> Iterator[str]:
    named = [one for one in done.findings if one.effects]
    if not named:
        return
    yield ""
    yield "The difference, item by item"
    for one in named[:SHOWN]:
        yield from _finding(one, clock, [priced(minor, code) for code, minor in one.effects.items()])
    if len(named) > SHOWN:
        yield f"  {len(named) - SHOWN:,} more: --output json has all"
    yield ""
    for code, sums in done.totals.items():
        if sums.difference or sums.explained:
            cells = [
                ("Explained", sums.explained), ("Difference to explain", sums.difference),
                ("Unexplained", sums.unexplained),
            ]  # fmt: skip
            yield from (f"  {line}" for line in lined_up([[word, priced(minor, code)] for word, minor in cells], (1,)))


def _finding(one: Finding, clock: ZoneInfo, money: Sequence[str]) -> Iterator[str]:
    says = one.says[:1].upper() + one.says[1:]
    head = f"  {says}"
    if money and len(head) < WIDTH - 22:
        yield f"{head:<{WIDTH - 22}}{money[0]:>20}"
    else:
        yield from _wrapped(says)
    for more in money if len(head) >= WIDTH - 22 else money[1:]:
        yield f"{more:>{WIDTH - 2}}"
    when = "" if one.at is None else f"{_day(one.at, clock)}, "
    yield f"    {when}{one.object}".rstrip()
    yield f"    {one.reference or 'no line'}  {one.account}"
    yield from _wrapped(one.what_to_do, "    ")


def _statement_of(currency: str, sums: Sums, clock: ZoneInfo) -> Iterator[str]:
    yield ""
    yield f"{currency.upper()}: from line to net"
    rows = [(row.words, row.ours, row.theirs, row.difference) for row in telling.to_net(sums)]
    cells = [[words, *(amount(minor, currency) for minor in minors)] for words, *minors in rows]
    yield from _fitted([["", "our ledger", "Stripe", "difference"], *cells])
    for says in telling.conversions(currency, sums, priced):
        yield from _wrapped(says)
    yield f"{currency.upper()}: from net to bank"
    bank = telling.to_bank(sums)
    yield from _fitted([[_expected(words, at, clock), amount(minor, currency)] for words, minor, at in bank])


def _expected(words: str, at: int | None, clock: ZoneInfo) -> str:
    return words if at is None else f"{words}, expected {_day(at, clock)}"


def _wrapped(text: str, indent: str = "  ") -> Iterator[str]:
    """Break a sentence between words where a terminal ends; what a person copies is never broken."""
    yield from wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _fitted(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """Line up a table of a name and numbers; where it is wider than a terminal, names get lines of their own."""
    lines = lined_up(table, range(1, len(table[0])))
    if max(map(len, lines)) <= WIDTH - 2:
        yield from (f"  {line}" for line in lines)
        return
    numbers = lined_up([row[1:] for row in table], range(len(table[0]) - 1))
    for row, line in zip(table, numbers, strict=True):
        if row[0]:
            yield f"  {row[0]}"
        yield f"{line:>{WIDTH - 2}}"


def _also(done: Reconciled, clock: ZoneInfo) -> Iterator[str]:
    others, notes = [one for one in done.findings if not one.effects], list(telling.notes(done))
    if not (others or notes):
        return
    yield ""
    yield "Also to look at"
    if others:
        yield "These do not change the difference."
    for one in others[:SHOWN]:
        yield from _finding(one, clock, [priced(one.amount, one.currency)] if one.amount else [])
    if len(others) > SHOWN:
        yield f"  {len(others) - SHOWN:,} more: --output json has all"
    for says in notes:
        yield from _wrapped(says)


def _by_account(done: Reconciled) -> Iterator[str]:
    rows = telling.by_account(done)
    if not rows:
        return
    yield ""
    yield "By connected account, those with a difference first"
    table = [["", "difference", "net", "paid out", "on its way"]]
    for row in rows[:SHOWN]:
        cells = (row.sums.difference, row.sums.net, row.sums.paid_out, row.on_its_way)
        numbers = [amount(minor, row.currency) if minor else "-" for minor in cells]
        table.append([f"{row.result.account}  {row.currency.upper()}", *numbers])
    yield from _fitted(table)
    if len(rows) > SHOWN:
        yield f"  {len(rows) - SHOWN:,} more: --output json has all"


def _to_sign(done: Reconciled, clock: ZoneInfo) -> Iterator[str]:
    if not done.results:
        return
    yield ""
    yield "Statement"
    for says in telling.attested(done, _moment(done.as_of, clock), priced):
        yield from _wrapped(says, "")
    totals = done.totals.items()
    names = ["charged", "fees", "refunds", "disputes"], ["net", "paid out", "on its way"]
    yield from _fitted([["", *names[0]], *([code.upper(), *_first(code, sums)] for code, sums in totals)])
    yield from _fitted([["", *names[1]], *([code.upper(), *_second(code, sums)] for code, sums in totals)])
    yield ""
    yield "  Prepared _____________________________  Reviewed _____________________________"


def _first(code: str, sums: Sums) -> list[str]:
    fees = sum(sums.theirs[place] for place in telling.FEES)
    return [
        amount(minor, code)
        for minor in (sums.theirs[Place.CHARGED], fees, sums.theirs[Place.REFUNDED], sums.theirs[Place.DISPUTED])
    ]


def _second(code: str, sums: Sums) -> list[str]:
    return [amount(minor, code) for minor in (sums.net, sums.paid_out, sums.net - sums.paid_out)]


def _proof(done: Reconciled) -> Iterator[str]:
    rows, payouts = telling.read_rows(done)
    yield ""
    yield f"Ledger head {done.head}"
    yield f"Read from Stripe: {plural(rows, 'balance transaction')} and {plural(payouts, 'payout')} of"
    known = f", {done.skipped:,} of them by a command before this one" if done.skipped else ""
    yield f"{plural(len(done.results), 'account')}{known}, in {plural(done.pages, 'page')}; nothing was changed there"
    yield f"Repeat it: {again(adopt=False, close_orphans=False, full=False)}"
    yield ""


def _moment(at: datetime, clock: ZoneInfo) -> str:
    return at.astimezone(clock).strftime("%a %-d %b %Y, %H:%M")


def _day(second: int, clock: ZoneInfo) -> str:
    return datetime.fromtimestamp(second, UTC).astimezone(clock).strftime("%-d %b %Y")
