"""Movements as Stripe books them, and worse ones: for the laws of journals and for the programs that read them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC

from hypothesis import strategies as st

from billing.core.journals.formats import FORMATS
from billing.core.journals.journal import Journal, Setup
from billing.core.journals.roles import MEANINGS, Chart, Role
from billing.core.journals.rules import RULES
from billing.core.journals.transactions import Transaction, booked, paid_out, parts_of
from billing.core.movements import Movement, Payout

RUN, ACCOUNTS = "gym-2026-11", ("acct_1A", "acct_2B")
AT = 1_793_610_000
SETTLED = ("usd", "jpy", "kwd")
NAMES = {role: meaning.name for role, meaning in MEANINGS.items()}
NUMBERS = {role: str(1360 + at) for at, role in enumerate(Role)}
# What DATEV and Xero call accounts.

CHARGE = Movement(
    id="txn_1", account="acct_1A", run=RUN, reference="INV-1", item="abc", category="charge", type="charge",
    amount=1234, fee=60, net=1174, stripe_fee=50, application_fee=10, other_fees=0, currency="usd", presented=1234,
    presented_currency="usd", rate=None, at=AT, available_on=AT, source="ch_1", charge="ch_1", intent="pi_1",
)  # fmt: skip
PAYOUT = Payout("po_1", "acct_1A", 1174, "usd", "paid", 1_793_836_800, AT, True, "completed", broken_down=True)


def chart(to: str = "hledger") -> Chart:
    """What accounts are called in a file for somebody, as the settings have it."""
    return Chart(NUMBERS if to in ("xero", "datev") else NAMES, FORMATS[to].account)


def entries(movements: Sequence[Movement], payouts: Iterable[Payout] = (), to: str = "hledger") -> list[Transaction]:
    """Every entry of these."""
    known, names = {each.id: each for each in payouts}, chart(to)
    made = [booked(each, names, UTC) for each in movements]
    for payout, parts in parts_of(movements).items():
        for part in parts:
            made += paid_out(known[payout], part, names, known) if part.net and payout in known else ()
    return made


def journal(made: Sequence[Transaction], **settings: object) -> Journal:
    """These entries with what stands above them."""
    postings = [posting for entry in made for posting in entry.postings]
    balanced = frozenset(posting.weight[1] for posting in postings)
    days = [entry.day for entry in made]
    return Journal(
        RUN, "2026-12-08T17:45:00.000+00:00", ("a note; with\na \x1b line",), dict.fromkeys(_names(made), min(days)),
        balanced, balanced | {posting.currency for posting in postings}, min(days), max(days), made,
        Setup("Tax Exempt", 1001, 1, "01-01"), **settings,
    )  # fmt: skip


def _names(made: Sequence[Transaction]) -> Iterator[str]:
    for entry in made:
        yield from (posting.name for posting in entry.postings)


def sums(made: Iterable[Transaction]) -> dict[tuple[str, str], int]:
    """What each account holds, by name and currency, where that is not nothing."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for entry in made:
        for posting in entry.postings:
            found[posting.name, posting.currency] += posting.amount
    return {key: minor for key, minor in found.items() if minor}


HOSTILE = st.one_of(
    st.sampled_from([
        '"; account x', "a  b; c:d", "(x) | y", "\n2026-01-01 open Assets:X", "\\", '\\"', "=1+1", "漢字 é", "@SUM(A1)",
        "\u202e", "2026-11-30 * x", ";", "{1}", "#tag ^link", "\r\nA,B", "-2+3", "\u2028", "a@@b", "€;\"x\"",
    ]),
    st.text(max_size=20),
)  # fmt: skip
_MINOR = st.integers(-(10**9), 10**9)


@st.composite
def movements(draw: st.DrawFn, least: int = 1, most: int = 12) -> list[Movement]:
    """Movements of any category, some converted, some that contradict themselves."""
    many = draw(st.integers(least, most))
    return [draw(_one(f"txn_{number}")) for number in range(many)]


@st.composite
def _one(draw: st.DrawFn, own: str) -> Movement:
    currency, presented = draw(st.sampled_from(SETTLED)), draw(st.sampled_from([*SETTLED, "eur"]))
    step = 10 if currency == "kwd" else 1
    amount, *fees = (draw(_MINOR) * step for _ in range(4))
    account, fate = draw(st.sampled_from(ACCOUNTS)), draw(st.sampled_from([None, *FATES, "po_unknown_"]))
    net = amount - sum(fees) + draw(st.sampled_from([0, 0, 0, 0, 7 * step]))
    return replace(
        CHARGE,
        id=own,
        account=account,
        reference=draw(HOSTILE),
        category=draw(st.sampled_from([*(rule.category for rule in RULES), "", "new; one", "transfer"])),
        source=draw(st.sampled_from(["ch_1", "fr_1", "dp_1", "nonsense"])),
        amount=amount, fee=sum(fees), net=net, stripe_fee=fees[0], application_fee=fees[1], other_fees=fees[2],
        currency=currency,
        presented=amount if presented == currency else draw(_MINOR),
        presented_currency=presented,
        at=AT + draw(st.integers(0, 10**7)),
        payout=None if fate is None else f"{fate}{account}",
    )  # fmt: skip


FATES = {
    "po_paid_": {"status": "paid"},
    "po_way_": {"status": "in_transit"},
    "po_failed_": {"status": "failed"},
    "po_again_": {"status": "failed", "repaid_by": "po_paid_"},
}
LANDED = ("po_paid_", "po_again_")
# Payouts whose money is at the bank: the second failed, and the first carried it.


def payouts(account: str) -> list[Payout]:
    """A payout of each fate."""
    found = [replace(PAYOUT, id=fate + account, account=account, **facts) for fate, facts in FATES.items()]
    return [replace(each, repaid_by=each.repaid_by and each.repaid_by + account) for each in found]


def every_entry(found: Sequence[Movement], to: str = "hledger") -> list[Transaction]:
    """Every entry of movements of several accounts, each with payouts of its own."""
    made = []
    for account in ACCOUNTS:
        made += entries([each for each in found if each.account == account], payouts(account), to)
    return made
