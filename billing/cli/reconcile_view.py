"""A comparison as a person reads it on a terminal: the sentence, the difference item by item, from line to bank."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from billing.cli.tables import WIDTH, amount, lined_up, plural, priced
from billing.cli.typed import again, following
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.core.reconciling.comparing import AccountResult
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kinds import Kind, Place
from billing.core.reconciling.sums import Sums
from billing.flow.reconciling.reconcile import Reconciled

NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
ROWS: tuple[tuple[Place, str], ...] = (
    (Place.CHARGED, "Charged"),
    (Place.REFUNDED, "Refunded"),
    (Place.DISPUTED, "Disputed and returned"),
    (Place.EXTRA_FEES, "Fees for these"),
    (Place.STRIPE_FEES, "Stripe's fees, as Stripe took them"),
    (Place.APPLICATION_FEES, "Our application fees"),
    (Place.OTHER, "Other"),
)
# The rows of a statement, in its order; those without money on either side are left out, all but the first.
FEARED: tuple[tuple[Kind, str], ...] = (
    (Kind.DUPLICATE, "No charge twice"),
    (Kind.MISSING_HERE, "No charge that no line planned"),
)
# What people fear, said where it is not so.
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


def sentence(done: Reconciled) -> str:
    """Return the answer in a sentence of numbers."""
    totals = done.totals
    apart = {code: sums.difference for code, sums in totals.items() if sums.difference or sums.explained}
    rest = {code: sums.unexplained for code, sums in totals.items() if sums.unexplained}
    if rest:
        return f"{_money(rest)} of the difference of {_money(apart)} is not explained."
    named = [one for one in done.findings if one.effects]
    if named:
        verb = "explains" if len(named) == 1 else "explain"
        return f"{_count(len(named), 'item')} {verb} the whole difference of {_money(apart)}."
    if not done.results:
        return "Nothing could be compared." if done.unread else "There is nothing to compare."
    return "The ledger and Stripe agree to the cent."


def _verdict(done: Reconciled) -> Iterator[str]:
    yield sentence(done)
    if done.results:
        yield f"{done.matched:,} of {plural(done.items, 'line')} agree with Stripe{_no_difference(done)}"
        if not any(one.unexplained for one in done.totals.values()):
            yield "  Nothing unexplained"
        kinds = [one.kind for one in done.findings]
        for kind, words in FEARED:
            yield f"  {words}" if kind not in kinds else f"  ! {_of_kind(kind, kinds.count(kind))}"
        failed = kinds.count(Kind.PAYOUT_FAILED)
        if failed:
            yield f"  ! {plural(failed, 'payout')} failed"
    if done.unread:
        yield f"  ! {plural(len(done.unread), 'account')} could not be read: nothing is said about them"
    if done.open:
        yield f"  {plural(done.open, 'line')} still open: {following('settle')} and billing resolve follow them"


def _of_kind(kind: Kind, count: int) -> str:
    return {
        Kind.DUPLICATE: f"{plural(count, 'line')} charged twice",
        Kind.MISSING_HERE: f"{plural(count, 'charge')} that no line planned",
    }[kind]


def _no_difference(done: Reconciled) -> str:
    apart = {code for code, sums in done.totals.items() if sums.difference}
    same = [code.upper() for code in done.totals if code not in apart]
    return f". {_joined(same)} {'has' if len(same) == 1 else 'have'} no difference." if apart and same else "."


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
    yield f"{head:<{WIDTH - 22}}{money[0]:>20}" if money and len(head) < WIDTH - 22 else head
    for more in money if len(head) >= WIDTH - 22 else money[1:]:
        yield f"{more:>{WIDTH - 2}}"
    when = "" if one.at is None else f"{_day(one.at, clock)}, "
    yield f"    {when}{one.object}".rstrip()
    yield f"    {one.reference or 'no line'}  {one.account}"
    yield f"    {one.what_to_do}"


def _statement_of(currency: str, sums: Sums, clock: ZoneInfo) -> Iterator[str]:
    yield ""
    yield f"{currency.upper()}: from line to net"
    table = [["", "our ledger", "Stripe", "difference"]]
    for place, words in ROWS:
        ours, theirs = sums.ours[place], sums.theirs[place]
        if ours or theirs or place is Place.CHARGED:
            label = f"{words}, {plural(sums.lines, 'line')}" if place is Place.CHARGED else words
            table.append([label, *_three(ours, theirs, currency)])
    table.append(["Net for the accounts", *_three(sums.net_ours, sums.net, currency)])
    yield from (f"  {line}" for line in lined_up(table, (1, 2, 3)))
    for code, minor in sorted(sums.converted.items()):
        yield f"  Of what was charged, {priced(minor, code)} was converted into {currency.upper()} by Stripe."
    yield f"{currency.upper()}: from net to bank"
    paid = f"Paid out to their banks, {plural(len(sums.payouts), 'payout')}"
    way = "On its way" if sums.arrives is None else f"On its way, expected {_day(sums.arrives, clock)}"
    table = [[paid, amount(sums.paid_out, currency)], [way, amount(sums.on_its_way, currency)]]
    if sums.held:
        table.append(["Held on the balance after a failed payout", amount(sums.held, currency)])
    table.append(["Net at Stripe", amount(sums.net, currency)])
    yield from (f"  {line}" for line in lined_up(table, (1,)))


def _three(ours: int, theirs: int, currency: str) -> list[str]:
    return [amount(ours, currency), amount(theirs, currency), amount(theirs - ours, currency)]


def _also(done: Reconciled, clock: ZoneInfo) -> Iterator[str]:
    others = [one for one in done.findings if not one.effects]
    asked = [(name, pair) for name, one in sorted(done.results.items()) for pair in one.inquiries]
    by_hand = [(name, one.by_hand) for name, one in sorted(done.results.items()) if one.by_hand]
    doubtful = [(payout, name) for name, one in sorted(done.results.items()) for payout in one.doubtful]
    if not (others or asked or by_hand or doubtful or done.unread or done.scope.left_out):
        return
    yield ""
    yield "Also to look at"
    if others:
        yield "These do not change the difference."
    for one in others[:SHOWN]:
        yield from _finding(one, clock, [priced(one.amount, one.currency)] if one.amount else [])
    if len(others) > SHOWN:
        yield f"  {len(others) - SHOWN:,} more: --output json has all"
    for account, (intent, dispute) in asked:
        yield f"  A bank asks about {intent} on {account} ({dispute}); no money moved. Answer it in Stripe."
    for account, count in by_hand:
        yield f"  {plural(count, 'payout')} of {account} made by hand: Stripe cannot say what they carry."
    for payout, account in doubtful:
        yield f"  What {payout} of {account} carries does not come to its amount; nothing of it is believed."
    for account, failed in sorted(done.unread.items()):
        yield f"  {account} could not be read ({failed.code}); the same command reads it again."
    for words in done.scope.left_out:
        yield f"  Left out: {words}."


def _by_account(done: Reconciled) -> Iterator[str]:
    if not done.results:
        return
    yield ""
    yield "By connected account, those with a difference first"
    rows = [(one, code, sums) for one in done.results.values() for code, sums in sorted(one.sums.items())]
    rows.sort(key=lambda row: (row[2].difference == 0, not row[0].findings, row[0].account))
    table = [["", "", "difference", "net", "paid out", "on its way"]]
    for one, code, sums in rows[:SHOWN]:
        cells = (sums.difference, sums.net, sums.paid_out, sums.net - sums.paid_out)
        table.append([one.account, code.upper(), *(amount(minor, code) if minor else "-" for minor in cells)])
    yield from (f"  {line}" for line in lined_up(table, (2, 3, 4, 5)))
    if len(rows) > SHOWN:
        yield f"  {len(rows) - SHOWN:,} more: --output json has all"


def _to_sign(done: Reconciled, clock: ZoneInfo) -> Iterator[str]:
    if not done.results:
        return
    totals = done.totals
    charged = _joined([priced(sums.theirs[Place.CHARGED], code) for code, sums in totals.items()]) or "nothing"
    yield ""
    yield "Statement"
    yield f"For {done.scope.name}, {charged} were charged on {plural(len(done.results), 'connected account')}."
    agree = f"{done.matched:,} of {plural(done.items, 'line')} agree"
    yield f"Compared with Stripe on {_moment(done.as_of, clock)}, {agree}."
    yield sentence(done)
    names = ["fees", "refunds", "disputes", "net", "paid out", "on its way"]
    table = [["", "charged", *names[:3]], *([code.upper(), *_first(code, sums)] for code, sums in totals.items())]
    yield from (f"  {line}" for line in lined_up(table, (1, 2, 3, 4)))
    table = [["", *names[3:]], *([code.upper(), *_second(code, sums)] for code, sums in totals.items())]
    yield from (f"  {line}" for line in lined_up(table, (1, 2, 3)))
    yield ""
    yield "  Prepared _____________________________  Reviewed _____________________________"


def _first(code: str, sums: Sums) -> list[str]:
    fees = sum(sums.theirs[place] for place in (Place.EXTRA_FEES, Place.STRIPE_FEES, Place.APPLICATION_FEES))
    return [
        amount(minor, code)
        for minor in (sums.theirs[Place.CHARGED], fees, sums.theirs[Place.REFUNDED], sums.theirs[Place.DISPUTED])
    ]


def _second(code: str, sums: Sums) -> list[str]:
    return [amount(minor, code) for minor in (sums.net, sums.paid_out, sums.net - sums.paid_out)]


def _proof(done: Reconciled) -> Iterator[str]:
    rows, payouts = _counted(done.results)
    yield ""
    yield f"Ledger head {done.head}"
    yield f"Read from Stripe: {plural(rows, 'balance transaction')} and {plural(payouts, 'payout')} of"
    known = f", {done.skipped:,} of them by a command before this one" if done.skipped else ""
    yield f"{plural(len(done.results), 'account')}{known}, in {plural(done.pages, 'page')}; nothing was changed there"
    yield f"Repeat it: {again(adopt=False, close_orphans=False, full=False)}"
    yield ""


def _counted(results: Mapping[str, AccountResult]) -> tuple[int, int]:
    return sum(one.movements for one in results.values()), sum(one.payouts for one in results.values())


def _money(totals: Mapping[str, int]) -> str:
    return _joined([priced(minor, code) for code, minor in totals.items()])


def _joined(words: Iterable[str]) -> str:
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _count(count: int, noun: str) -> str:
    word = NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"
    return f"{word} {noun}" + ("" if count == 1 else "s")


def _moment(at: datetime, clock: ZoneInfo) -> str:
    return at.astimezone(clock).strftime("%a %-d %b %Y, %H:%M")


def _day(second: int, clock: ZoneInfo) -> str:
    return datetime.fromtimestamp(second, UTC).astimezone(clock).strftime("%-d %b %Y")
