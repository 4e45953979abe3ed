"""What Stripe holds of a run file: its accounts listed once, every intent laid to its item and held against it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio

from billing.core.classify import READ, classify
from billing.core.entries import Known
from billing.core.errors import CredentialsError, Problem, RunStopped
from billing.core.items import Charge, Mode
from billing.core.keys import charge_digest
from billing.core.outcomes import Expected, Halt, Look, Lost, Outcome
from billing.core.plans import Create, Decision
from billing.core.redaction import scrub
from billing.core.replies import Reply
from billing.flow.decisions import decisions
from billing.flow.desk import Desk
from billing.flow.planned import Plan, Source
from billing.flow.progress import Snapshot, Watch
from billing.flow.together import together

AT_ONCE = 16
# Accounts listed side by side; the throttle paces the pages further.
BARRED_SHOWN = 20
# Accounts named in the message when more than that refuse.

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
    """

    account: str
    body: Mapping[str, Any] = field(repr=False)

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

    def mark(self, name: str) -> str:
        """Return one of our own names in its metadata, empty when it is not there."""
        return str(self.body["metadata"].get(name, ""))

    def rank(self) -> tuple[int, str]:
        """Return a sort key: the first intent of an item is the one its ledger had on record, as far as that shows.

        A paid one before all. Then one that was ever confirmed, cancelled or not: nothing but the recorded intent is
        confirmed (charge protocol, section 9), so any other is an orphan. Then one that is open, then the lowest id.
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


@dataclass(slots=True)
class Inventory:
    """The intents that belong to a run file, by item.

    Attributes:
        by_item: item id -> its intents, the recorded one first (`Intent.rank`).
        accounts: how many accounts were listed.
        listed: how many intents the lists showed in all, other people's included.
    """

    by_item: dict[str, list[Intent]] = field(default_factory=dict)
    accounts: int = 0
    listed: int = 0

    @property
    def intents(self) -> int:
        """How many of them belong to this run."""
        return sum(map(len, self.by_item.values()))

    @property
    def earliest(self) -> int | None:
        """When the first of them was opened, epoch seconds; None without any."""
        return min((intent.created for found in self.by_item.values() for intent in found), default=None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What has to be looked for.

    Attributes:
        run_id: of the run; an intent that carries it belongs to the run, whatever its item.
        items: every item id of the file.
        accounts: every connected account of the file.
    """

    run_id: str
    items: frozenset[str]
    accounts: tuple[str, ...]


def item_of(decision: Decision | None) -> str:
    """Return the item id of a line with its decision, empty for a line that was set aside."""
    match decision:
        case Create(new=new):
            return new.item
        case _:
            known: Known | None = getattr(decision, "known", None)
            return "" if known is None else known.item


def wanted(plan: Plan, source: Source, desk: Desk, without: frozenset[str]) -> Wanted:
    """Return what to look for, leaving out the accounts in ``without``."""
    items: set[str] = set()
    accounts: set[str] = set()
    for line, decision in decisions(plan, source, desk.ledger):
        if line.charge is not None:
            items.add(item_of(decision))
            accounts.add(line.charge.account)
    return Wanted(plan.run.run_id, frozenset(items), tuple(sorted(accounts - without)))


async def take_inventory(desk: Desk, want: Wanted, since: int, watch: Watch) -> Inventory:
    """List every account from an epoch second on; ceil(n/100) reads for n intents of an account.

    Raises:
        CredentialsError: the key is refused or lacks a permission, or accounts do not let it in; all are named.
        ProviderUnreachable: a page could not be read; a part of a list proves nothing.
    """
    stock, barred = Inventory(), dict[str, str]()
    found: defaultdict[str, dict[str, Intent]] = defaultdict(dict)
    limiter = anyio.CapacityLimiter(AT_ONCE)
    snapshot = Snapshot(total=len(want.accounts))
    began = anyio.current_time()

    async def one(account: str) -> None:
        async with limiter:
            try:
                async for shown in desk.gateway.list_intents(account, since):
                    stock.listed += 1
                    intent = trimmed(account, shown)
                    if intent.mark("billing_item") in want.items or intent.mark("billing_run") == want.run_id:
                        found[intent.mark("billing_item")][intent.id] = intent
            except RunStopped as refused:
                barred[account] = str(refused)
            snapshot.done += 1
            snapshot.sent, snapshot.elapsed = desk.gateway.counters.sent, anyio.current_time() - began
            watch(snapshot)

    await together(*(partial(one, account) for account in want.accounts))
    if barred:
        raise _barred(barred)
    stock.accounts = len(want.accounts)
    stock.by_item = {item: sorted(each.values(), key=Intent.rank) for item, each in found.items()}
    return stock


def _barred(barred: Mapping[str, str]) -> CredentialsError:
    named = "; ".join(f"{account}: {why}" for account, why in sorted(barred.items())[:BARRED_SHOWN])
    more = f"; and {len(barred) - BARRED_SHOWN} more" if len(barred) > BARRED_SHOWN else ""
    return CredentialsError(
        f"what was paid on these accounts cannot be seen: {named}{more}. The run stays closed. Have the platform "
        "let in again and repeat the command, or give such an account up (--skip-account): its items are never charged"
    )


def reading(intent: Intent, amount: int, currency: str, fee: int | None, mode: Mode) -> Outcome:
    """Return what the intent means for its item, as a read of it would say."""
    expected = Expected(
        item=intent.mark("billing_item"),
        amount=amount,
        currency=currency,
        livemode=mode.livemode,
        object_id=intent.id,
        instrument_id=intent.clone,
        attempt=1,
        fee=fee,
    )
    return classify(READ, Reply(status=200, body=intent.body), expected)


def disagreements(stock: Inventory, plan: Plan, source: Source, desk: Desk) -> Iterator[Problem]:
    """Yield everything by which the file is not the one that was charged, then every intent that it has no line for."""
    seen: set[str] = set()
    for line, decision in decisions(plan, source, desk.ledger):
        charge, item = line.charge, item_of(decision)
        if charge is None or item not in stock.by_item:
            continue
        seen.add(item)
        for intent in stock.by_item[item]:
            message = _other_content(intent, charge, desk.mode)
            if not message and (held := _held_elsewhere(intent, decision, plan)):
                message = held
            if message:
                hint = "the file, or a setting it leans on, is not the one that was charged"
                yield Problem(source.items_file, line.line, 1, "not_what_was_charged", message, hint, charge.reference)
    for item, intents in stock.by_item.items():
        if item not in seen:
            yield from (_lineless(intent, source, plan) for intent in intents)


def _other_content(intent: Intent, charge: Charge, mode: Mode) -> str:
    """Return how an intent contradicts its line, or an empty text."""
    digest = charge_digest(charge)
    match reading(intent, charge.amount.minor, charge.amount.currency, charge.application_fee, mode):
        case Halt(message=message):
            return f"{message}, on {intent.account}"
        case Look() | Lost():
            return f"intent {intent.id} on {intent.account} is {scrub(intent.status)!r}, which no run of ours leaves"
        case _:
            pass
    if intent.mark("billing_digest") != digest[:16]:
        opened = scrub(intent.mark("billing_digest")) or "nothing"
        return (
            f"intent {intent.id} on {intent.account} was opened for other content (digest {opened}, this line's is "
            f"{digest[:16]}): account, customer, payment method, fee, description, suffix or metadata"
        )
    return ""


def _held_elsewhere(intent: Intent, decision: Decision | None, plan: Plan) -> str:
    """Return a sentence when another run of this ledger holds the item and does not know that this intent paid it."""
    known: Known | None = getattr(decision, "known", None)
    if known is None or known.run_id == plan.run.run_id or not intent.paid or known.object_id == intent.id:
        return ""
    return f"run {known.run_id} holds this reference as {known.state}, and intent {intent.id} has paid it"


def _lineless(intent: Intent, source: Source, plan: Plan) -> Problem:
    reference = scrub(intent.mark("billing_reference"))
    named = f'reference "{reference}"' if reference else f"item {scrub(intent.mark('billing_item')) or 'unnamed'}"
    message = f"intent {intent.id} on {intent.account} is of run {plan.run.run_id}, and its {named} is not in the file"
    return Problem(source.file, 0, 0, "line_missing", message, "rebuild from the file that was charged", reference)
