"""Look before charging: can the accounts charge, do the payment methods exist, what is a customer's default?

Reads are rationed (500 a transaction over 30 days), so each distinct account is read once, methods come by the list of
their customer where that costs fewer requests, and what was found is kept in the ledger for a day. A look-up that gives
no answer decides nothing: the charge itself will tell.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

import anyio

from billing.core.entries import Facts
from billing.core.errors import ProviderUnreachable
from billing.core.findings import Findings
from billing.core.notices import Notice
from billing.edge.lookups import Account, Customer, LookupFailed, Method, Trouble
from billing.flow.decisions import Source
from billing.flow.desk import Desk
from billing.flow.together import together

KEPT_DAYS = 1
AT_ONCE = 16
# Look-ups in flight; the throttle paces them further.
NAMES = 500
# Names the ledger answers at once.
CLONABLE = frozenset({"card", "us_bank_account"})
CHARGING = ("card_payments", "us_bank_account_ach_payments")
# An account needs one of these capabilities to take a clone's money.


class Preflight(StrEnum):
    """What is looked up before a run: nothing, the accounts (and the defaults that are needed), or all methods too."""

    NONE = "none"
    ACCOUNTS = "accounts"
    ALL = "all"


@dataclass(slots=True)
class Wanted:
    """What a file needs to have looked up.

    Attributes:
        accounts: every distinct connected account.
        defaults: customers whose default payment method is meant.
        methods: payment method -> the customer it should belong to; only with ``Preflight.ALL``.
    """

    accounts: set[str] = field(default_factory=set)
    defaults: set[str] = field(default_factory=set)
    methods: dict[str, str] = field(default_factory=dict)


async def scout(desk: Desk, source: Source, preflight: Preflight) -> tuple[Findings, list[Notice]]:
    """Return what the look-ups found, and warnings about what they could not find out.

    Raises:
        CredentialsError: the key is refused or lacks a permission.
        ProviderUnreachable: a default that the run needs could not be read.
    """
    if preflight is Preflight.NONE:
        return Findings(), []
    need = _wanted(source, methods=preflight is Preflight.ALL)
    search = _Search(desk)
    accounts = await search.each("account", need.accounts, desk.gateway.account)
    customers = await search.each("customer", need.defaults, desk.gateway.customer)
    if missing := need.defaults - customers.keys():
        raise ProviderUnreachable(f"the default payment method of {len(missing)} customers could not be read")
    defaults = {name: facts.get("default_method") or "" for name, facts in customers.items()}
    methods = {method: customer for customer, method in defaults.items() if method} | need.methods
    found = await search.methods(methods) if preflight is Preflight.ALL else {}
    findings = Findings(
        accounts={name: reason for name, facts in accounts.items() if (reason := _account_trouble(facts))},
        methods={
            name: reason
            for name, facts in found.items()
            if (reason := _method_trouble(facts, methods[name], desk.clock.now()))
        },
        defaults=defaults,
    )
    return findings, search.warnings


def _wanted(source: Source, *, methods: bool) -> Wanted:
    """Stream the file once and collect what has to be looked up."""
    need = Wanted()
    for line in source.lines():
        charge = line.charge
        if charge is None:
            continue
        need.accounts.add(charge.account)
        if charge.payment_method is None:
            need.defaults.add(charge.customer)
        elif methods:
            need.methods[charge.payment_method] = charge.customer
    return need


Look = Callable[[str], Awaitable[Account | Customer | Method | LookupFailed]]


class _Search:
    """Look-ups with the ledger as their memory, and a note of what stayed unanswered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._limiter = anyio.CapacityLimiter(AT_ONCE)
        self._unanswered: dict[str, int] = {}

    @property
    def warnings(self) -> list[Notice]:
        """A sentence for each kind of look-up that gave no answer."""
        return [
            Notice("look_up_unanswered", f"{count:,} {kind} look-ups gave no answer; the charge will tell")
            for kind, count in self._unanswered.items()
        ]

    async def each(self, kind: str, names: Iterable[str], look: Look) -> dict[str, Facts]:
        """Return what is known of each name, from the ledger if it is fresh, else from Stripe."""
        wanted = sorted(set(names))
        found = self._kept(kind, wanted)
        fresh: dict[str, Facts] = {}

        async def one(name: str) -> None:
            async with self._limiter:
                self._take(kind, name, await look(name), fresh)

        await together(*(partial(one, name) for name in wanted if name not in found))
        await self._keep(kind, fresh)
        return found | fresh

    async def methods(self, wanted: Mapping[str, str]) -> dict[str, Facts]:
        """Return what is known of payment methods: singly, or by the list of a customer with several of them."""
        found = self._kept("method", sorted(wanted))
        by_customer: dict[str, list[str]] = {}
        for method, customer in wanted.items():
            if method not in found:
                by_customer.setdefault(customer, []).append(method)
        fresh: dict[str, Facts] = {}

        async def of_customer(customer: str) -> None:
            async with self._limiter:
                listed = await self._desk.gateway.customer_methods(customer)
            if not isinstance(listed, LookupFailed):
                fresh.update({method.id: asdict(method) for method in listed if method.id in wanted})

        await together(*(partial(of_customer, customer) for customer, many in by_customer.items() if len(many) > 1))
        await self._keep("method", fresh)
        rest = [method for many in by_customer.values() for method in many if method not in fresh]
        return found | fresh | await self.each("method", rest, self._desk.gateway.payment_method)

    def _kept(self, kind: str, names: list[str]) -> dict[str, Facts]:
        since = self._desk.clock.days_ago(KEPT_DAYS)
        found: dict[str, Facts] = {}
        for start in range(0, len(names), NAMES):
            found |= self._desk.ledger.lookups(kind, names[start : start + NAMES], since)
        return found

    async def _keep(self, kind: str, fresh: Mapping[str, Facts]) -> None:
        if fresh:
            await self._desk.ledger.keep_lookups(kind, fresh)

    def _take(
        self, kind: str, name: str, result: Account | Customer | Method | LookupFailed, fresh: dict[str, Facts]
    ) -> None:
        """Keep a result, or what its absence means.

        Raises:
            CredentialsError: the key is refused or lacks a permission.
        """
        match result:
            case LookupFailed(trouble=Trouble.CREDENTIALS):
                raise result.as_error()
            case LookupFailed(trouble=Trouble.MISSING) | LookupFailed(trouble=Trouble.BARRED, code="account_invalid"):
                fresh[name] = {"missing": True}
            case LookupFailed():
                self._unanswered[kind] = self._unanswered.get(kind, 0) + 1
            case _:
                fresh[name] = _facts(asdict(result))


def _facts(values: dict[str, Any]) -> Facts:
    return {name: value for name, value in values.items() if value is not None}


def _account_trouble(facts: Facts) -> str:
    """Return why an account cannot be charged (a skip reason), or an empty text."""
    if facts.get("missing"):
        return "account_unknown"
    capabilities = facts.get("capabilities") or {}
    able = [capabilities[name] == "active" for name in CHARGING if name in capabilities]
    if not facts.get("charges_enabled", True) or (able and not any(able)):
        return "account_cannot_charge"
    return ""


def _method_trouble(facts: Facts, customer: str, now: datetime) -> str:
    """Return why a payment method cannot be used (a skip reason), or an empty text."""
    if facts.get("missing"):
        return "method_unknown"
    if facts.get("customer") != customer:
        return "method_of_other_customer"
    if facts.get("type") not in CLONABLE:
        return "method_not_clonable"
    year, month = facts.get("exp_year"), facts.get("exp_month")
    if year and month and (year, month) < (now.year, now.month):
        return "method_expired"
    return ""
