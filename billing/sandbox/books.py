"""The true books: what was really taken, from whom, how often. Tests and reports are measured against these alone."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing.sandbox.faults import Ending, Fault, FaultKind
from billing.sandbox.money_books import ChargeBook, PayoutBook, RowBook, charge_books, payout_books, row_books
from billing.sandbox.recurring_books import (
    DeadDefault,
    SubscriptionBook,
    dead_defaults,
    invoice_of_intent,
    subscription_books,
)
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Account, World

if TYPE_CHECKING:
    from billing.sandbox.model import Reaction

ITEM = "billing_item"  # the metadata key by which intents are gathered into obligations


@dataclass(frozen=True, slots=True)
class IntentBook:
    """One intent and what became of it.

    Attributes:
        paid: successful charges, which is 0 or 1.
        pending: charges the bank has not answered yet.
        declined: failed charges.
        confirms: confirms that were carried out and reached the bank.
        taken: minor units captured; ``refunded``: minor units given back.
        invoice: the invoice that it collects, if a subscription made it.
    """

    intent: str
    account: str
    status: str
    amount: int
    currency: str
    metadata: Mapping[str, str]
    paid: int
    pending: int
    declined: int
    confirms: int
    taken: int
    refunded: int
    application_fee: int
    invoice: str | None = None


@dataclass(frozen=True, slots=True)
class RefundBook:
    """One refund and what became of it; ``intent`` is the one whose charge it gives back."""

    refund: str
    account: str
    intent: str
    status: str
    amount: int
    currency: str
    metadata: Mapping[str, str]

    @property
    def stands(self) -> bool:
        """Whether the payer has the money, or it is on its way."""
        return self.status not in ("failed", "canceled")


@dataclass(frozen=True, slots=True)
class Books:
    """Every intent, refund, subscription and movement of money on every account, in order of creation per account.

    ``fees_given_back``: minor units of the platform's share that went back, by charge. ``dead_defaults``: there must be
    none once everything is in step.
    """

    intents: tuple[IntentBook, ...]
    refunds: tuple[RefundBook, ...] = ()
    fees_given_back: Mapping[str, int] = field(default_factory=dict)
    subscriptions: tuple[SubscriptionBook, ...] = ()
    dead_defaults: tuple[DeadDefault, ...] = ()
    rows: tuple[RowBook, ...] = ()
    charges: tuple[ChargeBook, ...] = ()
    payouts: tuple[PayoutBook, ...] = ()

    def by_item(self, key: str = ITEM) -> dict[str, list[IntentBook]]:
        """Intents of each obligation, by a metadata key; intents without it are left out."""
        found: defaultdict[str, list[IntentBook]] = defaultdict(list)
        for intent in self.intents:
            if key in intent.metadata:
                found[intent.metadata[key]].append(intent)
        return dict(found)

    def doubles(self, key: str = ITEM) -> list[str]:
        """Obligations that were paid more than once, counting debits still with the bank. There must be none, ever."""
        return [item for item, rows in self.by_item(key).items() if sum(row.paid + row.pending for row in rows) > 1]

    def refunded_twice(self, key: str = ITEM) -> list[str]:
        """Obligations of which more than one refund stands. There must be none, ever."""
        counted = Counter(row.metadata[key] for row in self.refunds if row.stands and key in row.metadata)
        return [item for item, times in counted.items() if times > 1]

    def subscribed_twice(self, key: str = ITEM) -> list[str]:
        """Obligations of which more than one subscription ever took money or will. There must be none, ever."""
        counted = Counter(row.metadata[key] for row in self.subscriptions if row.counts and key in row.metadata)
        return [item for item, times in counted.items() if times > 1]

    def orphans(self) -> list[str]:
        """Intents that were opened, never confirmed and never cancelled; those of invoices die with their invoice."""
        return [row.intent for row in self.intents if not row.confirms and row.status != "canceled" and not row.invoice]

    def totals(self) -> dict[tuple[str, str], int]:
        """Minor units taken, by (account, currency), before refunds."""
        sums: Counter[tuple[str, str]] = Counter()
        for row in self.intents:
            sums[row.account, row.currency] += row.taken
        return dict(sums)


def books_of(world: World) -> Books:
    """Draw up the books from the charges themselves, not from what the intents say of them."""
    return Books(
        tuple(book for account in world.everyone() for book in _account_books(account)),
        tuple(_refund_book(account, row) for account in world.everyone() for row in account["re"]),
        {fee["charge"]: fee["amount_refunded"] for fee in world.platform["fee"]},
        tuple(book for account in world.everyone() for book in subscription_books(account)),
        tuple(row for account in world.everyone() for row in dead_defaults(account)),
        tuple(row for account in world.everyone() for row in row_books(account)),
        tuple(row for account in world.everyone() for row in charge_books(account)),
        tuple(row for account in world.everyone() for row in payout_books(account)),
    )


def _refund_book(account: Account, row: Obj) -> RefundBook:
    return RefundBook(
        row["id"], account.id, row["payment_intent"], row["status"], row["amount"], row["currency"],
        dict(row["metadata"]),
    )  # fmt: skip


def _account_books(account: Account) -> list[IntentBook]:
    charges: defaultdict[str, list[Obj]] = defaultdict(list)
    for charge in account["ch"]:
        charges[charge["payment_intent"]].append(charge)
    invoices = invoice_of_intent(account)
    return [_book(account, intent, charges[intent["id"]], invoices.get(intent["id"])) for intent in account["pi"]]


def _book(account: Account, intent: Obj, charges: list[Obj], invoice: str | None) -> IntentBook:
    count = Counter(charge["status"] for charge in charges)
    good = [charge for charge in charges if charge["status"] == "succeeded" and not _released(charge)]
    return IntentBook(
        intent["id"], account.id, intent["status"], intent["amount"], intent["currency"], dict(intent["metadata"]),
        paid=len(good), pending=count["pending"], declined=count["failed"],
        confirms=account.confirms.get(intent["id"], 0), taken=sum(charge["amount_captured"] for charge in good),
        refunded=sum(max(charge["amount_refunded"] - _let_go(charge), 0) for charge in good),
        application_fee=sum(charge["application_fee_amount"] or 0 for charge in good), invoice=invoice,
    )  # fmt: skip


def _released(charge: Obj) -> bool:
    """Whether a charge was only held, and let go of."""
    return bool(charge["refunded"] and not charge["captured"])


def _let_go(charge: Obj) -> int:
    """What was held and never taken; a charge counts it as refunded."""
    return int(charge["amount"] - charge["amount_captured"])


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as the log keeps it: no API key, no parameters.

    Attributes:
        status: of the provider's own answer; 0 where the request never reached it.
    """

    at: float
    operation: str
    account: str | None
    ids: tuple[str, ...]
    idempotency_key: str | None
    status: int
    fault: FaultKind | None


@dataclass(slots=True)
class Tally:
    """What was counted of one operation.

    Attributes:
        sent: requests as their senders count them, lost ones too.
        served: those that reached the provider's own code, refused ones too.
        replayed: answered from the key store.
        limited: answered 429.
        late: carried out after their senders had given up.
        lost: their senders saw a broken connection.
        statuses: answers received, by HTTP status.
        faults: faults met, by kind.
    """

    sent: int = 0
    served: int = 0
    replayed: int = 0
    limited: int = 0
    late: int = 0
    lost: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def shown(self) -> Obj:
        """The counts as JSON values."""
        return {
            "sent": self.sent, "served": self.served, "replayed": self.replayed, "limited": self.limited,
            "late": self.late, "lost": self.lost, "statuses": dict(self.statuses), "faults": dict(self.faults),
        }  # fmt: skip


class Counters(dict[str, Tally]):
    """Tallies by operation."""

    def __missing__(self, operation: str) -> Tally:
        """An operation seen for the first time."""
        return self.setdefault(operation, Tally())

    def count(self, operation: str, reaction: "Reaction", fault: Fault | None, status: int) -> None:
        """Count one request; ``status`` is the provider's own, 0 where it never got there."""
        tally = self[operation]
        tally.sent += 1
        tally.served += status > 0
        if fault is not None:
            tally.faults[fault.kind] += 1
        if reaction.ending is not Ending.ANSWERED or reaction.response is None:
            tally.lost += 1
            return
        tally.statuses[reaction.response.status] += 1
        tally.limited += reaction.response.status == 429
        tally.replayed += "idempotent-replayed" in reaction.response.headers

    def late(self, operation: str) -> None:
        """Count one request that was carried out late."""
        self[operation].late += 1

    def total(self) -> int:
        """Requests sent, all operations together."""
        return sum(tally.sent for tally in self.values())
