"""One intent as a list showed it, and those of one reference together: what a rebuild knows an item by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.core.items import Mode
from billing.core.objects.intent import READ
from billing.core.objects.returned import ReturnSeen
from billing.core.outcomes import Expected, Outcome
from billing.core.replies import Reply

KEPT = (
    "id", "object", "status", "amount", "currency", "livemode", "amount_received", "application_fee_amount", "created",
)  # fmt: skip
OURS = ("billing_item", "billing_run", "billing_digest", "billing_reference")

ON_ITS_WAY = ("succeeded", "processing")
# The intents by which money moved or is moving, the surest first.
CANCELLED = "canceled"


@dataclass(frozen=True, slots=True)
class Intent:
    """One intent as a list showed it, cut down to what an item is known by: nothing about the payer is kept.

    Attributes:
        account: the connected account it stands on.
        body: its fields as Stripe names them; objects within it that name a payer are their ids alone.
        back: how its money came back after it was paid, as far as that was asked for.
    """

    account: str
    body: Mapping[str, Any] = field(repr=False)
    back: ReturnSeen | None = None

    @property
    def id(self) -> str:
        """The intent's id."""
        return str(self.body["id"])

    @property
    def status(self) -> str:
        """Stripe's word for where it stands."""
        return str(self.body.get("status"))

    @property
    def created(self) -> int:
        """When it was opened, epoch seconds; 0 when it does not say."""
        created = self.body.get("created")
        return created if type(created) is int else 0

    @property
    def paid(self) -> bool:
        """Whether money moved by it or is on its way."""
        return self.status in ON_ITS_WAY

    @property
    def cancelled(self) -> bool:
        """Whether it can never take money any more."""
        return self.status == CANCELLED

    @property
    def clone(self) -> str | None:
        """What its last attempt spent: named by the error that attempt left, else by the intent itself."""
        error = self.body.get("last_payment_error")
        named = (error or {}).get("payment_method") or self.body.get("payment_method")
        return named if isinstance(named, str) else None

    @property
    def error(self) -> Mapping[str, Any] | None:
        """What its last attempt failed of, or None."""
        error = self.body.get("last_payment_error")
        return error if isinstance(error, Mapping) else None

    @property
    def amount(self) -> int:
        """What it asks for, minor units; 0 when it does not say."""
        amount = self.body.get("amount")
        return amount if type(amount) is int else 0

    @property
    def fee(self) -> int | None:
        """The platform's share in minor units, or None."""
        fee = self.body.get("application_fee_amount")
        return fee if type(fee) is int else None

    @property
    def reference(self) -> str:
        """The operator's own id of what it is for, as its metadata names it."""
        return self.mark("billing_reference")

    def mark(self, name: str) -> str:
        """Return one of our own names in its metadata, empty when it is not there."""
        return str(self.body["metadata"].get(name, ""))

    def rank(self) -> tuple[int, str]:
        """Return a sort key: the first intent of an item is the one its ledger had on record, as far as that shows.

        A paid one before all. Then one that was ever confirmed, cancelled or not: nothing but the recorded intent is
        confirmed (flow/kinds/charge/README.md, "Invariants"), so any other is an orphan. Then one that is open, then
        the lowest id.
        """
        if self.paid:
            return ON_ITS_WAY.index(self.status), self.id
        confirmed = bool(self.error or self.body.get("latest_charge") or self.status == "requires_action")
        return 2 + 2 * (not confirmed) + self.cancelled, self.id


def trimmed(account: str, shown: Mapping[str, Any]) -> Intent:
    """Return an intent of a list without what names a payer."""
    metadata = shown.get("metadata")
    marks = metadata if isinstance(metadata, Mapping) else {}
    error = shown.get("last_payment_error")
    body = {name: shown[name] for name in KEPT if name in shown}
    body["metadata"] = {name: marks[name] for name in OURS if name in marks}
    body["latest_charge"] = _id(shown.get("latest_charge"))
    body["payment_method"] = _id(shown.get("payment_method"))
    if isinstance(error, Mapping):
        texts = {name: value for name, value in error.items() if isinstance(value, str) and name != "message"}
        body["last_payment_error"] = {**texts, "payment_method": _id(error.get("payment_method"))}
    return Intent(account, body)


def _id(value: object) -> object:
    return value.get("id") if isinstance(value, Mapping) else value


class Shown(dict[int, list[Intent]]):
    """The intents of one reference: generation -> its intents, the recorded one first (`Intent.rank`)."""

    @property
    def alive(self) -> list[int]:
        """Return the generations whose recorded intent took money, or still could.

        One whose money came back counts as long as none follows it: nothing else was asked for so far.
        """
        return sorted(
            number
            for number, (intent, *_) in self.items()
            if not intent.cancelled and (intent.back is None or number == max(self))
        )

    @property
    def standing(self) -> int:
        """Return the generation that the obligation stands by: the one alive, else the last one."""
        return next(iter(self.alive), max(self))

    @property
    def is_ambiguous(self) -> bool:
        """Tell whether more than one generation took money, or still could: which one is meant nobody can know."""
        return len(self.alive) > 1

    def flat(self) -> list[Intent]:
        """Return all of them, the surest first."""
        return sorted((intent for intents in self.values() for intent in intents), key=Intent.rank)


def reading(intent: Intent, amount: int, currency: str, fee: int | None, mode: Mode) -> Outcome:
    """Return what the intent means for its item, as a read of it would say."""
    expected = Expected(
        item_id=intent.mark("billing_item"),
        amount=amount,
        currency=currency,
        livemode=mode.livemode,
        object_id=intent.id,
        instrument_id=intent.clone,
        attempt=1,
        fee=fee,
    )
    return READ.accepted(Reply(status=200, body=intent.body), expected)
