"""What a plan decides for each line, before any money moves: charge it, go on with it, skip it, or refuse the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from billing.core.classify import ACCOUNT_CODES
from billing.core.contents import Difference, differences, new_item
from billing.core.entries import ItemRecord, NewItem
from billing.core.findings import UNREAD, Findings, unusable
from billing.core.items import Charge, Mode
from billing.core.keys import charge_digest
from billing.core.kinds import ended_empty, is_planned, life_of
from billing.core.life import Group

SKIPS: dict[str, tuple[str, str, bool]] = {
    # reason code: (what it means, what to do, good: nothing is owed any more)
    "already_paid": ("paid in another run of this period", "nothing", True),
    "processing_elsewhere": ("a payment of another run is on its way", "follow it there: billing settle", False),
    "closed_elsewhere": ("another run ended this obligation unpaid", "see the report of that run", False),
    "in_other_run": ("another run holds this obligation and has not finished it", "finish that run first", False),
    "paid_elsewhere": ("another ledger has charged this", "see the report of that ledger", False),
    "declined_elsewhere": (
        "another ledger has tried this, and it was declined",
        "the run takes the decline over: see its report",
        False,
    ),
    "opened_elsewhere": (
        "another ledger has opened this with other content, or corrected it since",
        "finish it with that ledger, and see its report",
        False,
    ),
    "withdrawn": ("taken out of the sheet before it was paid", "nothing", True),
    "corrected": ("corrected in the sheet before it was paid; its next line stands for it", "nothing", True),
    "default_moved": (
        "the customer's default payment method changed before it was charged; its next line stands for it",
        "nothing",
        True,
    ),
    "cancelled": ("cancelled by the operator before it was paid", "nothing", True),
    "closed_before_loss": (
        "ended unpaid before the ledger was lost; why is not known, and its next line stands for it",
        "nothing",
        True,
    ),
    "account_unknown": ("the connected account is not connected to this platform", "correct the account id", False),
    "account_is_platform": (
        "the account is the platform itself",
        "name the connected account that sells",
        False,
    ),
    "account_cannot_charge": ("the connected account cannot take charges", "complete its onboarding in Stripe", False),
    "customer_unknown": ("the platform has no such customer, or it was deleted", "correct the customer id", False),
    "no_payment_method": (
        "the customer has no default payment method",
        "name one, or have the customer save one",
        False,
    ),
    "method_unknown": ("the platform has no such payment method", "correct the payment method id", False),
    "method_of_other_customer": (
        "the payment method is not saved for this customer",
        "correct one of the two ids",
        False,
    ),
    "method_not_clonable": ("only cards and US bank accounts can be cloned", "ask for another method", False),
    "method_not_for_currency": (
        "this type of payment method cannot be charged in this currency",
        "ask the customer for a card",
        False,
    ),
    "method_not_for_account": (
        "the connected account cannot take this type of payment method",
        "activate the capability in Stripe, or ask for another method",
        False,
    ),
    "method_expired": ("the card has expired", "ask the customer for new card details", False),
    "method_blocked": ("the bank account is blocked", "ask for another account or a new mandate", False),
    "card_blocked": ("declined for good within the last 30 days", "ask the customer for another card", False),
    "suffix_too_long": (
        "account's prefix and statement suffix are longer than 22 characters together",
        "shorten the statement suffix",
        False,
    ),
    UNREAD: (
        "Stripe did not say what the customer's default payment method is",
        "the same command again asks anew",
        False,
    ),
    "invalid": ("the line is invalid and was set aside", "correct the line and add it with --amend", False),
}
# Why a line is not charged, as the plan and the report say it.


CLOSED_BY_FILE = frozenset({"withdrawn", "corrected"})
# Skips that a change of the sheet made. The line itself may come back; nothing takes it up by itself.
OPERATORS = CLOSED_BY_FILE | {"cancelled"}
# Skips that a person decided. Every other one is a finding, and ends when what it found is repaired.
CLOSED_BEFORE_LOSS = "closed_before_loss"
# What a rebuild says of every generation but the last: the intents show that these ended, and not why.
CARD_BLOCKED = "card_blocked"
HELD_BY_ANOTHER = frozenset({"paid_elsewhere", "opened_elsewhere"})
# Reasons of an item that was left because another ledger has charged it, or may: it is as good as paid.
METHOD_FINDINGS = frozenset(code for code in SKIPS if code.startswith("method_"))
# Found by reading payment methods one by one, which a plan may leave out.
OF_THE_ACCOUNT = ACCOUNT_CODES | {"account_unknown", "account_cannot_charge"}
# Reasons of a failure that are about the connected account: nothing of the line was wrong, so it is taken up again.


@dataclass(frozen=True, slots=True)
class Create:
    """Charge it as a new item, or keep it as skipped.

    Attributes:
        new: the item.
        before: the generation it follows, which ended unpaid; None for an obligation that is new altogether.
        changes: what the file says otherwise than that one did.
    """

    new: NewItem
    before: ItemRecord | None = None
    changes: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Replace:
    """This run holds the obligation with other content, unpaid: close that item, then charge it as the next one.

    ``changes`` are empty when the file says the same and only the customer's default payment method moved.
    """

    item: ItemRecord
    new: NewItem
    changes: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Continue:
    """This run already holds the obligation, with the same content.

    ``skip`` says why it is not charged although it is not paid: what a look-up found of a planned one, or the reason
    that still holds of a skipped one.
    """

    item: ItemRecord
    skip: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Another run holds the obligation."""

    item: ItemRecord
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The file contradicts the ledger; ``hint`` says what would be possible, ``item`` is what it contradicts."""

    code: str
    message: str
    hint: str
    item: ItemRecord | None = None


Decision = Create | Replace | Continue | Skip | Refuse


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What decisions depend on beside the line itself.

    Attributes:
        platform: the platform account.
        mode: test or live.
        period: of the run.
        run_id: of the run.
        frozen: whether the run has begun and is not being amended, so that the file must be as it was planned.
        amend: whether the run is being amended.
        findings: of the look-ups.
        unexamined: skip reasons that nothing was looked up about, so that an item skipped for one stays skipped.
        blocked: payment method -> the decline for which it must not be tried again for now.
    """

    platform: str
    mode: Mode
    period: str
    run_id: str
    frozen: bool
    amend: bool
    findings: Findings
    unexamined: frozenset[str] = frozenset()
    blocked: Mapping[str, str] = field(default_factory=dict)

    def unusable(self, charge: Charge) -> str | None:
        """Return why a line cannot be charged as things are (a code of ``SKIPS``), or None."""
        blocked = self.findings.method_of(charge) in self.blocked
        return unusable(self.findings, charge, self.platform) or (CARD_BLOCKED if blocked else None)

    def next_item(self, charge: Charge, before: ItemRecord | None = None) -> NewItem:
        """Return the item that stands for a line: its first, or the one after ``before``."""
        return self.item(charge, 0 if before is None else before.generation + 1, self.unusable(charge))

    def item(self, charge: Charge, generation: int, skip: str | None) -> NewItem:
        """Return an item of a line; ``skip`` is a code of ``SKIPS`` for one that is not charged."""
        method, reason = self.findings.method_of(charge), "" if skip is None else SKIPS[skip][0]
        return new_item(self.mode, self.platform, self.period, self.run_id, charge, method, generation, skip, reason)


def decide(context: PlanContext, charge: Charge, item: ItemRecord | None) -> Decision:
    """Return what the plan does with one valid line, given what the ledger knows of its obligation."""
    if item is None:
        return _not_planned(context, charge) if context.frozen else Create(context.next_item(charge))
    if ended_empty(item.state):
        return _after_an_end(context, charge, item)
    same = item.digest == charge_digest(charge)
    if item.run_id != context.run_id:
        return _elsewhere(item) if same else _refuse_elsewhere(charge, item)
    return _go_on(context, charge, item) if same else _correct(context, charge, item)


def reason_of(item: ItemRecord) -> str:
    """Return the reason code of an item that ended unpaid, or an empty text."""
    return str(item.facts.get("reason_code") or item.content.get("skip") or "")


def _not_planned(context: PlanContext, charge: Charge) -> Refuse:
    message = f'reference "{charge.reference}" is not in run {context.run_id} as it was planned'
    return Refuse("not_planned", message, "add it with --amend, or give the run another period")


def _go_on(context: PlanContext, charge: Charge, item: ItemRecord) -> Decision:
    """Decide for a line that this run holds as it stands; before anything was sent, findings still count."""
    if not is_planned(item.state):
        return Continue(item)
    if skip := context.unusable(charge):
        return Continue(item, skip)
    method = context.findings.method_of(charge)
    if method and method != item.content.get("payment_method"):
        return Replace(item, context.next_item(charge, item))
    return Continue(item)


def _correct(context: PlanContext, charge: Charge, item: ItemRecord) -> Decision:
    """Decide for a line of this run that the file changed and that is not over yet, or is paid."""
    if (said := fixed(item.state)) is not None:
        return _refuse(charge, item, *said)
    if context.frozen:
        return _refuse(charge, item, "was planned", "add --amend to change what is not paid")
    return Replace(item, context.next_item(charge, item), differences(charge, item))


def _after_an_end(context: PlanContext, charge: Charge, item: ItemRecord) -> Decision:
    """Decide for a line whose last item ended unpaid, in this run or another: it is over, or begins anew."""
    reason, same = reason_of(item), item.digest == charge_digest(charge)
    if reason in HELD_BY_ANOTHER:
        hint = "restore the line, and change it with the ledger that holds it"
        return _over(context, item, reason) if same else _refuse(charge, item, "is held by another ledger", hint)
    if reason == "cancelled" and (same or not context.amend):
        return _over(context, item, reason) if same else _refuse_frozen(context, charge, item)
    if reason in CLOSED_BY_FILE or not same:
        if context.frozen:
            return _refuse_frozen(context, charge, item)
        return Create(context.next_item(charge, item), item, differences(charge, item))
    if item.state is not life_of(item.state).skipped and reason not in OF_THE_ACCOUNT:
        return _over(context, item, None)
    now = reason if reason in context.unexamined else context.unusable(charge)
    return Create(context.next_item(charge, item), item) if now is None else _over(context, item, now)


def _over(context: PlanContext, item: ItemRecord, skip: str | None) -> Decision:
    """Leave an item that ended unpaid as it is."""
    if item.run_id == context.run_id:
        return Continue(item, skip)
    reason = skip if skip in SKIPS else "closed_elsewhere"
    return Skip(item, reason, f"{SKIPS[reason][0]}: {item.run_id}")


def _elsewhere(item: ItemRecord) -> Skip:
    reason = _held(item.state)
    return Skip(item, reason, f"{SKIPS[reason][0]}: {item.run_id}")


def _held(state: StrEnum) -> str:
    if ended_empty(state):
        return "closed_elsewhere"
    return _HELD.get(life_of(state).meanings[state].group, "in_other_run")


_HELD = {Group.SUCCEEDED: "already_paid", Group.PROCESSING: "processing_elsewhere"}
# Why another run's item is left to it, by how that run reports it.


FIXED: dict[Group, tuple[str, str]] = {
    # group of its state: (what is said of its item, what can be done)
    Group.SUCCEEDED: (
        "was paid",
        "what is paid cannot be changed by editing a file: restore the line; refund it in the Dashboard, and give a "
        "new charge a new reference",
    ),
    Group.PROCESSING: (
        "is on its way to the bank",
        "restore the line, and wait for its end with billing settle",
    ),
}
# What no amendment can touch: the money has moved, or may.


def fixed(state: StrEnum) -> tuple[str, str] | None:
    """Return what is said of an item that no amendment can touch, and what can be done; None where one can."""
    return FIXED.get(life_of(state).meanings[state].group)


def _refuse(charge: Charge, item: ItemRecord, was: str, hint: str) -> Refuse:
    """Refuse a line, naming the difference between the file and the ledger field by field."""
    changes = ", ".join(f"{each.field} {each.old} -> {each.new}" for each in differences(charge, item))
    message = f'reference "{charge.reference}" {was} in run {item.run_id} with other content: {changes}'
    return Refuse("content_changed", message, hint, item)


def _refuse_elsewhere(charge: Charge, item: ItemRecord) -> Refuse:
    if (said := fixed(item.state)) is not None:
        return _refuse(charge, item, said[0], "give a new charge a new reference")
    hint = f'close it there first: billing cancel {item.run_id} --only "{item.reference}" --reason "..."'
    return _refuse(charge, item, "was planned", hint)


def _refuse_frozen(context: PlanContext, charge: Charge, item: ItemRecord) -> Refuse:
    if item.run_id != context.run_id and not context.frozen:
        return _refuse(charge, item, "was cancelled", "add --amend to charge it all the same")
    ended = SKIPS.get(reason_of(item), ("", "", False))[0] or "ended unpaid"
    if item.digest == charge_digest(charge):
        message = f'reference "{charge.reference}" is not in run {context.run_id} any more: {ended}'
        return Refuse("not_planned", message, "add it again with --amend", item)
    return _refuse(charge, item, f"({ended}) was planned", "add --amend to charge it as it stands now")
