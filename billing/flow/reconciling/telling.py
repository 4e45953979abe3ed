"""What a comparison tells people, whoever shows it: sentences and rows for the terminal and for a page alike.

Amounts are minor units until they are shown: ``priced`` writes one with its currency, as its reader is used to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from billing.core.reconciling.comparing import AccountResult
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kinds import Kind, Place
from billing.core.reconciling.sums import Sums
from billing.core.wording import counted
from billing.flow.reconciling.compared import Comparison

Priced = Callable[[int, str], str]
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
STATEMENT: tuple[tuple[Place, str], ...] = (
    (Place.CHARGED, "Charged"),
    (Place.REFUNDED, "Refunded"),
    (Place.DISPUTED, "Disputed and returned"),
    (Place.EXTRA_FEES, "Fees for these"),
    (Place.STRIPE_FEES, "Stripe's fees, as Stripe took them"),
    (Place.APPLICATION_FEES, "Our application fees"),
    (Place.OTHER, "Other"),
)
# The rows of a statement, in its order; those without money on either side are left out, all but the first.
FEARED: tuple[tuple[Kind, str, str, str], ...] = (
    (Kind.DUPLICATE, "No charge twice", "line charged twice", "lines charged twice"),
    (
        Kind.MISSING_HERE, "No charge that no line planned", "charge that no line planned",
        "charges that no line planned",
    ),
)  # fmt: skip
# What people fear, said where it is not so, and what is said where it is.
FEES = (Place.EXTRA_FEES, Place.STRIPE_FEES, Place.APPLICATION_FEES)


class Check(NamedTuple):
    """Something that was looked at; ``fine`` tells whether nobody need act on it."""

    fine: bool
    says: str


class NetRow(NamedTuple):
    """A row of a statement from line to net, in minor units."""

    words: str
    ours: int
    theirs: int

    @property
    def difference(self) -> int:
        """Stripe's less ours."""
        return self.theirs - self.ours


class BankRow(NamedTuple):
    """A row from net to bank, in minor units; ``arrives`` is when the next payout is expected, epoch seconds."""

    words: str
    minor: int
    arrives: int | None = None


class AccountRow(NamedTuple):
    """An account in one currency of settlement."""

    result: AccountResult
    currency: str
    sums: Sums

    @property
    def on_its_way(self) -> int:
        """What of its net no bank has yet."""
        return self.sums.net - self.sums.paid_out

    @property
    def fees(self) -> int:
        """What was kept on the way, negative."""
        return sum(self.sums.theirs[place] for place in FEES)

    @property
    def failed(self) -> int:
        """Payouts that failed and were not made good."""
        return sum(one.kind is Kind.PAYOUT_FAILED and one.currency == self.currency for one in self.result.findings)


@dataclass(frozen=True, slots=True)
class KindGroup:
    """What differs in one way.

    Attributes:
        findings: in the order of the comparison.
        effects: currency -> what all of them change.
    """

    kind: Kind
    findings: Sequence[Finding]
    effects: Mapping[str, int]


def sentence(found: Comparison, priced: Priced) -> str:
    """Return the answer in a sentence of numbers."""
    totals = found.totals
    apart = {code: sums.difference for code, sums in totals.items() if sums.difference or sums.explained}
    rest = {code: sums.unexplained for code, sums in totals.items() if sums.unexplained}
    if rest:
        return f"{_money(rest, priced)} of the difference of {_money(apart, priced)} is not explained."
    named = [one for one in found.findings if one.effects]
    if named:
        verb = "explains" if len(named) == 1 else "explain"
        return f"{_number(len(named), 'item')} {verb} the whole difference of {_money(apart, priced)}."
    if not found.results:
        return "Nothing could be compared." if found.unread else "There is nothing to compare."
    return "The ledger and Stripe agree to the cent."


def agreement(found: Comparison) -> str:
    """Return how many lines agree, and which currencies have no difference."""
    apart = {code for code, sums in found.totals.items() if sums.difference}
    same = [code.upper() for code in found.totals if code not in apart]
    agree = f"{found.matched:,} of {counted(found.items, 'line')} agree with Stripe."
    return f"{agree} {joined(same)} {'has' if len(same) == 1 else 'have'} no difference." if apart and same else agree


def checks(found: Comparison) -> Iterator[Check]:
    """Yield what was looked at, what people fear among it; what was not compared is no ground to calm anybody."""
    if found.results:
        yield from _feared(found)
    if found.unread:
        yield Check(False, f"{counted(len(found.unread), 'account')} not read: nothing is said about them")
    if found.moved:
        yield Check(False, f"{counted(found.moved, 'line')} went on since, and are not compared yet")
    elif found.went_on:
        yield Check(False, "The run went on since: compare it again")


def _feared(found: Comparison) -> Iterator[Check]:
    if not any(one.unexplained for one in found.totals.values()):
        yield Check(True, "Nothing unexplained")
    kinds = [one.kind for one in found.findings]
    for kind, calm, one, several in FEARED:
        count = kinds.count(kind)
        yield Check(False, counted(count, one, several)) if count else Check(True, calm)
    failed = kinds.count(Kind.PAYOUT_FAILED)
    if failed:
        yield Check(False, f"{counted(failed, 'payout')} failed")


def grouped(findings: Iterable[Finding]) -> list[KindGroup]:
    """Return findings by kind, in the order in which the kinds stand in their table."""
    by_kind: dict[Kind, list[Finding]] = {}
    for one in findings:
        by_kind.setdefault(one.kind, []).append(one)
    return [_group(kind, by_kind[kind]) for kind in Kind if kind in by_kind]


def _group(kind: Kind, findings: Sequence[Finding]) -> KindGroup:
    effects: dict[str, int] = {}
    for one in findings:
        for code, minor in one.effects.items():
            effects[code] = effects.get(code, 0) + minor
    return KindGroup(kind, findings, dict(sorted(effects.items())))


def to_net(sums: Sums) -> Iterator[NetRow]:
    """Yield a statement of one currency: from the line to the net of the accounts, which is its last row."""
    for place, words in STATEMENT:
        ours, theirs = sums.ours[place], sums.theirs[place]
        if place is Place.CHARGED:
            yield NetRow(f"{words}, {counted(sums.lines, 'line')}", ours, theirs)
        elif ours or theirs:
            yield NetRow(words, ours, theirs)
    yield NetRow("Net for the accounts", sums.net_ours, sums.net)


def to_bank(sums: Sums) -> Iterator[BankRow]:
    """Yield where the net is: with banks, on its way, held; the last row is the net again."""
    yield BankRow(f"Paid out to their banks, {counted(len(sums.payouts), 'payout')}", sums.paid_out)
    owed = sums.on_its_way < 0
    yield BankRow("Owed: payouts to come are less by it" if owed else "On its way", sums.on_its_way, sums.arrives)
    if sums.held:
        yield BankRow("Held on the balance after a failed payout", sums.held)
    yield BankRow("Net at Stripe", sums.net)


def conversions(currency: str, sums: Sums, priced: Priced) -> Iterator[str]:
    """Yield what of a statement was charged in other currencies."""
    for code, minor in sorted(sums.converted.items()):
        yield f"Of what was charged, {priced(minor, code)} was converted into {currency.upper()} by Stripe."


def notes(found: Comparison) -> Iterator[str]:
    """Yield what else there is to know: what banks ask, what nobody can tell of payouts, what was not compared."""
    results = sorted(found.results.items())
    for account, one in results:
        for intent, dispute in one.inquiries:
            yield f"A bank asks about {intent} on {account} ({dispute}); no money moved. Answer it in Stripe."
    for account, one in results:
        if one.by_hand:
            yield f"{counted(one.by_hand, 'payout')} of {account} made by hand: Stripe cannot say what they carry."
    for account, one in results:
        for payout in one.doubtful:
            yield f"What {payout} of {account} carries does not come to its amount; nothing of it is believed."
    for account, failed in sorted(found.unread.items()):
        yield f"{account} could not be read ({failed.code}); the same command reads it again."
    for words in found.scope.left_out:
        yield f"Left out: {words}."


def by_account(found: Comparison) -> list[AccountRow]:
    """Return the accounts by currency of settlement, those with a difference first."""
    rows = [AccountRow(one, code, sums) for one in found.results.values() for code, sums in sorted(one.sums.items())]
    rows.sort(key=lambda row: (row.sums.difference == 0, not row.result.findings, row.result.account))
    return rows


def attested(found: Comparison, when: str, priced: Priced) -> Iterator[str]:
    """Yield the sentences of a statement that somebody signs; ``when`` is the moment of the comparison."""
    totals = found.totals
    charged = joined([priced(sums.theirs[Place.CHARGED], code) for code, sums in totals.items()]) or "nothing"
    yield f"For {found.scope.name}, {charged} were charged on {counted(len(found.results), 'connected account')}."
    yield f"Compared with Stripe on {when}, {found.matched:,} of {counted(found.items, 'line')} agree."
    yield sentence(found, priced)
    held = {code: sums.held for code, sums in totals.items() if sums.held}
    still = [counted(found.open, "line") + " whose money may still move"] if found.open else []
    still += [f"{_money(held, priced)} back on balances after a failed payout"] if held else []
    if still:
        yield f"Open on that day: {joined(still)}."


def read_rows(found: Comparison) -> tuple[int, int]:
    """Return how many rows of balances were compared, and how many payouts carry them."""
    results = found.results.values()
    return sum(one.movements for one in results), sum(one.payouts for one in results)


def _money(totals: Mapping[str, int], priced: Priced) -> str:
    return joined([priced(minor, code) for code, minor in totals.items()])


def joined(words: Iterable[str]) -> str:
    """Join words as a sentence does: ``a, b and c``."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _number(count: int, noun: str) -> str:
    word = NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"
    return f"{word} {noun}" + ("" if count == 1 else "s")
