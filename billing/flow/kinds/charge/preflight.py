"""Look before charging: can the accounts charge, do the payment methods exist, what is a customer's default?

Reads are rationed, so lists are read where that takes fewer requests, and what is good is kept in the ledger for a day.
What would keep somebody from paying is looked up again before it is believed, and a customer's default is read for
every plan. A look-up that gives no answer decides nothing: the charge itself will tell. Only a line whose default
nobody knows has to wait.

The file is streamed up to four times: what it wants, what is known of that, the names that no list told, and the lines
that trip over what was found.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from billing.core.entries import Facts
from billing.core.estimates import Reads
from billing.core.findings import UNREAD, Findings, charged_in, suffix_fits
from billing.core.items import Charge, Subscription
from billing.core.kinds.charge_rules import METHOD_FINDINGS
from billing.core.listing import Search
from billing.core.notices import Notice
from billing.flow.engine.gather import gather
from billing.flow.engine.progress import retelling
from billing.flow.planning.planned import NOTHING_EXAMINED, Source
from billing.flow.planning.preflight import QUIETLY, LookedUp, Lookout, Preflight
from billing.flow.planning.search import CHARGING, Accounts, LookUps, Payers, PaymentMethods
from billing.flow.planning.sought import TROUBLES, Methods, Names, mark_of
from billing.flow.services import Services

Payment = Charge | Subscription
# What is paid with a payment method of a platform customer; both kinds look up the same of it.
KEPT_DAYS = 1
CHUNK = 500
# Names the ledger answers at once.
PAGE_SECONDS = 0.7
# Of a page of a list, whose next one can only be asked for when it is there: the mean answer of `core.estimates`.
UNEXAMINED: dict[Preflight, frozenset[str]] = {
    Preflight.NONE: NOTHING_EXAMINED,
    Preflight.ACCOUNTS: METHOD_FINDINGS,
    Preflight.ALL: frozenset(),
}
# The skip reasons that a preflight does not look at.


async def look_up(services: Services, source: Source, preflight: Preflight, lookout: Lookout = QUIETLY) -> LookedUp:
    """Look up what a file needs.

    Raises:
        CredentialsError: the key is refused or lacks a permission.
        ProviderUnreachable: the outage outlasted all patience.
    """
    if preflight is Preflight.NONE:
        return LookedUp()
    looking = _Scout(services, source, LookUps(services, lookout.watch), methods=preflight is Preflight.ALL)
    lookout.foretell(looking.expected())
    async with retelling(lookout.watch, looking.tell):
        return await looking.looked_up()


class _Scout:
    """The look-ups for one file."""

    def __init__(self, services: Services, source: Source, lookups: LookUps, *, methods: bool) -> None:
        self._desk, self._source, self._lookups, self._all = services, source, lookups, methods
        self._accounts: Names[Facts] = Names()
        self._defaults: Names[str] = Names()
        self._named, self._defaulted = Methods(), Methods()
        self._marks: dict[str, str] = {}
        self._old: set[str] = set()
        self._payers = Payers(services, self._defaults, self._marks)
        self._want()
        self._recall()

    def _charges(self) -> Iterator[Payment]:
        return (line.item for line in self._source.lines() if isinstance(line.item, Payment))

    def _pairs(self) -> Iterator[tuple[str, str]]:
        return ((charge.payment_method, charge.customer) for charge in self._charges() if charge.payment_method)

    def _default_pairs(self) -> Iterator[tuple[str, str]]:
        return ((method, payer) for payer, method in self._defaults.known.items() if method)

    def expected(self) -> Reads:
        """Return what it will cost: pages of one list come one after another, lists and single reads side by side."""
        searches = [
            self._lookups.expect(sought) for sought in (self._kind_of_accounts(), self._payers, self._kind_of_named())
        ]
        requests = sum(search.reads for search in searches)
        least = not all(search.is_sure for search in searches)
        return Reads(
            sum(search.wanted for search in searches), requests, self._seconds(searches, requests), at_least=least
        )

    def _seconds(self, searches: list[Search], requests: int) -> float:
        rates = self._desk.rates
        longest = max((search.pages for search in searches if search.begins), default=0)
        endpoint = max((search.reads for search in searches), default=0) / rates.endpoint_rps
        return max(requests / rates.key_rps, endpoint, longest * PAGE_SECONDS)

    def tell(self) -> None:
        """Show how far it is."""
        self._lookups.tell()

    async def looked_up(self) -> LookedUp:
        """Look everything up."""
        accounts, named = self._kind_of_accounts(), self._kind_of_named()
        find = self._lookups.find
        await gather(partial(find, accounts), partial(find, self._payers), partial(find, named))
        await find(defaulted := self._kind_of_defaulted())
        await find(suspects := self._suspects())
        self._payers.gone |= suspects.gone
        findings = self._findings()
        if await self._doubted(accounts, findings):
            findings = self._findings()
        unanswered = {
            "account": len(accounts.unanswered),
            "method": len(named.unanswered) + len(defaulted.unanswered),
            "customer": len(self._payers.unanswered),
        }
        return LookedUp(findings, _warnings(unanswered), self._cost())

    def _cost(self) -> Reads:
        names = len(self._accounts) + len(self._defaults) + len(self._named)
        return Reads(names, self._lookups.reads, self._lookups.seconds)

    # --- what is wanted, and what of it is known

    def _want(self) -> None:
        for charge in self._charges():
            if charge.account != self._desk.platform:
                self._accounts.want(charge.account)
            if charge.payment_method is None:
                self._defaults.want(charge.customer)
            elif self._all:
                self._named.want(charge.payment_method, charge.customer)
        self._named.settle()

    def _recall(self) -> None:
        """Take from the ledger what was good within a day; what would keep a line from paying is asked for again."""
        self._recall_accounts()
        if not self._all:
            return
        doubted: set[str] = set()
        charges = self._charges()
        while chunk := list(islice(charges, CHUNK)):
            kept = self._kept("method", [charge.payment_method for charge in chunk if charge.payment_method])
            for charge in chunk:
                if facts := kept.get(charge.payment_method or ""):
                    self._recall_method(charge, str(charge.payment_method), facts, doubted)
        for method in doubted:
            self._named.doubt(method)

    def _recall_accounts(self) -> None:
        names = sorted(self._accounts.known)
        for start in range(0, len(names), CHUNK):
            for name, facts in self._kept("account", names[start : start + CHUNK]).items():
                if "prefix_length" in facts:
                    self._accounts.take(name, facts)
                    self._old.add(name)

    def _recall_method(self, charge: Payment, method: str, facts: Facts, doubted: set[str]) -> None:
        mark, owner = mark_of(facts, self._desk.clock.now()), str(facts.get("customer") or "")
        good = mark not in TROUBLES and owner == charge.customer and charged_in(mark, charge.amount.currency)
        if good:
            self._named.take(method, mark, owner)
        else:
            doubted.add(method)

    def _kept(self, kind: str, names: list[str]) -> dict[str, Facts]:
        return self._desk.ledger.lookups(kind, names, self._desk.clock.days_ago(KEPT_DAYS))

    # --- kinds of look-ups

    def _kind_of_accounts(self) -> Accounts:
        return Accounts(self._desk.gateway, self._accounts)

    def _kind_of_named(self) -> PaymentMethods:
        return PaymentMethods(self._desk, self._named, self._pairs)

    def _kind_of_defaulted(self) -> PaymentMethods:
        """Return the defaults that did not come with their customers."""
        if self._all:
            for method, payer in self._default_pairs():
                if method not in self._marks and not self._named.mark(method):
                    self._defaulted.want(method, payer)
        self._defaulted.settle()
        return PaymentMethods(self._desk, self._defaulted, self._default_pairs)

    def _suspects(self) -> Payers:
        """Return customers whose payment method is not theirs: it may be they who are gone."""
        names: Names[str] = Names()
        if self._named.owners:
            for method, payer in self._pairs():
                if self._named.owners.get(method, payer) != payer and payer not in self._defaults.known:
                    names.want(payer)
        return Payers(self._desk, names, {})

    async def _doubted(self, accounts: Accounts, findings: Findings) -> bool:
        """Ask again for accounts that keep a line out by what an earlier plan found; tell whether there were any."""
        doubted = self._old & {*findings.accounts, *findings.lacking, *findings.prefixes}
        for account in doubted:
            self._accounts.doubt(account)
        await self._lookups.find(accounts)
        return bool(doubted)

    # --- what lines trip over

    def _findings(self) -> Findings:
        known = {name: facts for name, facts in self._accounts.known.items() if facts is not None}
        tripped = _Tripped(known, self._defaults.known, self._mark)
        for charge in self._charges():
            tripped.by(charge)
        waiting = {payer: UNREAD for payer, method in self._defaults.known.items() if method is None}
        return Findings(
            accounts={name: reason for name, facts in known.items() if (reason := _account_trouble(facts))},
            methods=tripped.methods,
            defaults={payer: method for payer, method in self._defaults.known.items() if method is not None},
            customers=waiting | dict.fromkeys(self._payers.gone, "customer_unknown"),
            owners=dict(self._named.owners),
            types=tripped.types,
            lacking=tripped.lacking,
            prefixes=tripped.prefixes,
        )

    def _mark(self, method: str) -> str:
        return self._named.mark(method) or self._marks.get(method) or self._defaulted.mark(method)


@dataclass(slots=True)
class _Tripped:
    """What of all that is known some line of the file trips over."""

    accounts: dict[str, Facts]
    defaults: dict[str, str | None]
    mark: Callable[[str], str]
    methods: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, tuple[str, ...]] = field(default_factory=dict)
    prefixes: dict[str, int] = field(default_factory=dict)

    def by(self, charge: Payment) -> None:
        """Take in one line."""
        account = self.accounts.get(charge.account, {})
        if not suffix_fits(length := int(account.get("prefix_length") or 0), charge.statement_suffix):
            self.prefixes[charge.account] = length
        method = charge.payment_method or self.defaults.get(charge.customer)
        if method:
            self._by_method(charge, method, self.mark(method), _lacking(account))

    def _by_method(self, charge: Payment, method: str, mark: str, lacking: tuple[str, ...]) -> None:
        if mark in TROUBLES:
            self.methods[method] = mark
        elif mark in lacking:
            self.types[method] = mark
            self.lacking[charge.account] = lacking
        elif mark and not charged_in(mark, charge.amount.currency):
            self.types[method] = mark


def _account_trouble(facts: Facts) -> str:
    """Return why an account cannot be charged (a skip reason), or an empty text."""
    if facts.get("missing"):
        return "account_unknown"
    capabilities = facts.get("capabilities") or {}
    able = [state == "active" for state in capabilities.values()]
    return "account_cannot_charge" if not facts.get("charges", True) or (able and not any(able)) else ""


def _lacking(facts: Facts) -> tuple[str, ...]:
    """Return the types of payment method that an account asked to take and may not."""
    capabilities = facts.get("capabilities") or {}
    return tuple(method for method, name in CHARGING.items() if capabilities.get(name, "active") != "active")


def _warnings(unanswered: dict[str, int]) -> list[Notice]:
    """Return a sentence for each kind of look-up that gave no answer."""
    then = {"customer": "their lines wait for the next time"}
    return [
        Notice(
            "look_up_unanswered", f"{count:,} {kind} look-ups gave no answer; {then.get(kind, 'the charge will tell')}"
        )
        for kind, count in unanswered.items()
        if count
    ]
