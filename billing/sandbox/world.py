"""The state of the sandbox: its clock, what falls due, and the platform with its connected accounts."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from billing.sandbox.config import SandboxConfig
from billing.sandbox.ids import Ids
from billing.sandbox.refusals import Obj
from billing.sandbox.shelves import Shelf
from billing.sandbox.testmethods import TestMethod
from billing.sandbox.webhook_deliveries import Deliveries

API_VERSION = "2026-10-28.endive"

SHELVES = {  # id prefix: how an error names the object
    "cus": "customer",
    "pm": "PaymentMethod",
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "txn": "balance_transaction",
    "fee": "application_fee",
    "fr": "fee_refund",
    "po": "payout",
    "ba": "external account",
    "dp": "dispute",
    "issfr": "early_fraud_warning",
    "seti": "setupintent",
    "mandate": "mandate",
    "evt": "event",
    "we": "webhook_endpoint",
    "cs": "checkout.session",
    "prod": "product",
    "price": "price",
    "sub": "subscription",
    "in": "invoice",
    "inpay": "invoice_payment",
}

ALSO = {"py": "ch", "pyr": "re"}  # charges and refunds of other payment methods than cards
THREES = ("pi", "ch", "py")


@dataclass(slots=True)
class Instrument:
    """What the sandbox knows of a payment method and never says.

    Attributes:
        acts: how the bank behind it behaves.
        dead: used up, burnt by sharing while unattached, or detached: it never works again.
        was_attached: it belongs, or belonged, to a customer.
        origin: id of the payment method it is a clone of.
        merchant: the connected account that alone may use the consent to its debits.
        closed: the number is no longer good at its issuer.
        set_up: authenticated once for off-session use.
        verified: false for a bank account whose owner has not shown yet that it is theirs.
    """

    acts: TestMethod
    dead: bool = False
    was_attached: bool = False
    origin: str | None = None
    merchant: str | None = None
    closed: bool = False
    set_up: bool = False
    verified: bool = True


@dataclass(slots=True)
class Account:
    """The platform or one connected account.

    Attributes:
        body: the account object itself.
        connected: false once the platform's access was revoked.
        followers: by the id of an intent, what else changes when it has: the invoice that it pays.
        told: subscriptions by id, as an event told them last.
        unpaid: rows of the balance that no payout carries yet, in order.
        unanswered: by the id of a charge, the row of a debit that a bank has yet to answer.
        waiting: what goes on once the account has more money, in order; each tells whether it waits no longer.
        owned: objects by id prefix and the id of what they belong to; read it with ``of``.
    """

    id: str
    body: Obj
    connected: bool = True
    shelves: dict[str, Shelf] = field(default_factory=lambda: {prefix: Shelf(kind) for prefix, kind in SHELVES.items()})
    instruments: dict[str, Instrument] = field(default_factory=dict)
    confirms: dict[str, int] = field(default_factory=dict)
    payout_of: dict[str, str] = field(default_factory=dict)
    session_of: dict[str, str] = field(default_factory=dict)
    unindexed: dict[str, list[tuple[float, Obj | None]]] = field(default_factory=dict)
    misses: dict[str, int] = field(default_factory=dict)
    followers: dict[str, Callable[[Obj], None]] = field(default_factory=dict)
    told: dict[str, Obj] = field(default_factory=dict)
    unpaid: list[Obj] = field(default_factory=list)
    unanswered: dict[str, Obj] = field(default_factory=dict)
    waiting: list[Callable[[], bool]] = field(default_factory=list)
    owned: dict[tuple[str, str], list[Obj]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Its bank account is an object of its own, too."""
        for row in self.body["external_accounts"]["data"]:
            self["ba"].add(row)

    @property
    def bank(self) -> Obj:
        """The bank account that its payouts go to."""
        found: Obj = self.body["external_accounts"]["data"][0]
        return found

    def __getitem__(self, prefix: str) -> Shelf:
        """The shelf of one id prefix."""
        return self.shelves[prefix]

    def shown(self, wanted: str) -> Obj | None:
        """The object of this id on whatever shelf it stands, or what is shown of a deleted one, or none."""
        prefix = wanted.split("_", 1)[0]
        shelf = self.shelves.get(ALSO.get(prefix, prefix))
        return shelf.shown(wanted) if shelf else None

    def add(self, prefix: str, row: Obj, owner: str) -> Obj:
        """Keep a new object that belongs to another one: the invoice of a subscription, the payment of an invoice."""
        self.owned.setdefault((prefix, owner), []).append(row)
        return self[prefix].add(row)

    def of(self, prefix: str, owner: str) -> list[Obj]:
        """What belongs to an object, oldest first."""
        return [row for row in self.owned.get((prefix, owner), ()) if self[prefix].peek(row["id"]) is not None]

    def shelf_of(self, prefix: str, owner: str | None) -> Shelf:
        """What belongs to an object as a shelf of its own, so that a list walks over nothing else; all if of none."""
        if owner is None:
            return self[prefix]
        shelf = Shelf(self[prefix].kind)
        for row in self.of(prefix, owner):
            shelf.add(row)
        return shelf

    def go_on(self) -> None:
        """There is more money: what waited for it goes on, first come first served."""
        while self.waiting and self.waiting[0]():
            del self.waiting[0]

    def tell(self, intent: Obj) -> None:
        """Tell whoever follows an intent that it has changed."""
        if intent["id"] in self.followers:
            self.followers[intent["id"]](intent)

    def active(self, capability: str) -> bool:
        """Whether a capability is active on this account."""
        return bool(self.body["capabilities"].get(capability) == "active")


class Agenda:
    """What falls due, in order of time."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()

    def add(self, due: float, act: Callable[[], object]) -> None:
        """Have ``act`` called when the clock reaches ``due`` (seconds since 1970)."""
        heapq.heappush(self._heap, (due, next(self._count), act))

    def next_due(self, until: float) -> tuple[float, Callable[[], object]] | None:
        """Take the earliest act that is due, with its time, or none."""
        if not self._heap or self._heap[0][0] > until:
            return None
        due, _, act = heapq.heappop(self._heap)
        return due, act


class World:
    """Everything that exists. Handlers change it; only the model moves its clock.

    Attributes:
        now: seconds since 1970.
        platform: the platform's own account.
        accounts: connected accounts by id.
        origin: where the pages of the sandbox are, without a slash at the end; empty where nobody serves them.
        deliveries: what is sent to webhook endpoints.
        event_ids: ids of events: a stream of their own, so that what is told changes no other id.
    """

    def __init__(self, config: SandboxConfig, platform: Account, now: float, ids: Ids) -> None:
        """A platform without connected accounts."""
        self.config = config
        self.behaviour = config.behaviour
        self.ids = ids
        self.now = now
        self.platform = platform
        self.accounts: dict[str, Account] = {}
        self.origin = ""
        self.agenda = Agenda()
        self.deliveries = Deliveries(config.webhooks, self.agenda.add, lambda: self.now, config.seed)
        self.event_ids = Ids(f"events-{config.seed}")

    @property
    def application(self) -> str:
        """The platform as what acts on connected accounts: objects made by it there carry this id."""
        return f"ca_{self.platform.id.removeprefix('acct_')}"

    def page(self, host: str, path: str) -> str:
        """The address of a page for payers; without a server it looks like the provider's, and nothing is there."""
        return f"{self.origin or f'https://{host}.stripe.com'}/{path}"

    @property
    def seconds(self) -> int:
        """The clock as objects carry it."""
        return int(self.now)

    def account(self, wanted: str) -> Account | None:
        """The account of this id, the platform's own or a connected one, or none."""
        return self.platform if wanted == self.platform.id else self.accounts.get(wanted)

    def on(self, account: Account, *, livemode: bool) -> "Call":
        """A place on an account where something happens that no request asked for."""
        return Call(self, account, account is not self.platform, livemode, (), {})

    def everyone(self) -> list[Account]:
        """The platform, then every connected account."""
        return [self.platform, *self.accounts.values()]


@dataclass(slots=True)
class Call:
    """One request on its way through a handler.

    Attributes:
        account: the account it acts on: the one named by ``Stripe-Account``, else the platform.
        connected: whether the platform acts on it as its application, by ``Stripe-Account``.
        ids: the ids in the path.
        params: typed parameters.
        api_key: for messages that show a masked key.
        publishable: the key is one that a payer's browser holds.
        request_id: of the request that is carried out; empty where nobody asked.
    """

    world: World
    account: Account
    connected: bool
    livemode: bool
    ids: tuple[str, ...]
    params: Obj
    api_key: str = ""
    publishable: bool = False
    request_id: str = ""
    idempotency_key: str | None = None

    def unasked(self) -> "Call":
        """The same place later, when something happens that no request asked for."""
        return self.world.on(self.account, livemode=self.livemode)

    def given(self, name: str, default: Any) -> Any:  # noqa: ANN401  as typed as the parameter
        """A parameter, or what holds without it."""
        return self.params[name] if name in self.params else default  # noqa: SIM401  "get" would widen the type

    def find(self, prefix: str, wanted: str, param: str = "id", status: int = 404) -> Obj:
        """An object of this account in this mode.

        Raises:
            Refusal: there is none.
        """
        return self.account[prefix].find(wanted, self.livemode, param, status)

    def new_id(self, prefix: str) -> str:
        """A fresh id; payments carry the 3 and everything else the 1 that the provider's ids carry."""
        return self.world.ids.new(f"{prefix}_3" if prefix in THREES else f"{prefix}_1")
