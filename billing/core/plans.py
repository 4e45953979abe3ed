"""What a plan decides for each line, before any money moves: charge it, go on with it, skip it, or refuse the file."""

from dataclasses import dataclass
from typing import assert_never

from billing.core.entries import Facts, Known, NewItem
from billing.core.findings import UNREAD, Findings, unusable
from billing.core.items import Charge, Kind, Mode
from billing.core.keys import charge_digest, item_id
from billing.core.money import format_minor
from billing.core.states import State

SKIPS: dict[str, tuple[str, str, bool]] = {
    # reason code: (what it means, what to do, good: nothing is owed any more)
    "already_paid": ("paid in another run of this period", "nothing", True),
    "processing_elsewhere": ("a payment of another run is on its way", "follow it there: billing settle", False),
    "closed_elsewhere": ("another run ended this obligation unpaid", "see the report of that run", False),
    "in_other_run": ("another run holds this obligation and has not finished it", "finish that run first", False),
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


@dataclass(frozen=True, slots=True)
class Create:
    """The obligation is new: charge it, or keep it as skipped."""

    new: NewItem


@dataclass(frozen=True, slots=True)
class Continue:
    """This run already holds the obligation, with the same content."""

    known: Known


@dataclass(frozen=True, slots=True)
class Skip:
    """Another run holds the obligation."""

    known: Known
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The file contradicts the ledger; ``hint`` says what would be possible."""

    code: str
    message: str
    hint: str


Decision = Create | Continue | Skip | Refuse


@dataclass(frozen=True, slots=True)
class Scene:
    """What decisions depend on beside the line itself.

    Attributes:
        platform: the platform account.
        mode: test or live.
        period: of the run.
        run_id: of the run.
        existing: whether the ledger already holds this run.
        amend: whether new items may be added to it.
        findings: of the look-ups.
    """

    platform: str
    mode: Mode
    period: str
    run_id: str
    existing: bool
    amend: bool
    findings: Findings


def decide(scene: Scene, charge: Charge, known: Known | None) -> Decision:
    """Return what the plan does with one valid line, given what the ledger knows of its obligation."""
    if known is None:
        if scene.existing and not scene.amend:
            message = f'reference "{charge.reference}" is not in run {scene.run_id} as it was planned'
            return Refuse("not_planned", message, "add it with --amend, or give the run another period")
        return Create(_new_item(scene, charge))
    if known.digest != charge_digest(charge):
        return _changed(charge, known)
    if known.run_id == scene.run_id:
        return Continue(known)
    reason = _elsewhere(known.state)
    return Skip(known, reason, f"{SKIPS[reason][0]}: {known.run_id}")


def _elsewhere(state: State) -> str:
    match state:
        case State.SUCCEEDED:
            return "already_paid"
        case State.UNSETTLED:
            return "processing_elsewhere"
        case State.FAILED | State.SKIPPED:
            return "closed_elsewhere"
        case (
            State.PLANNED
            | State.PREPARING
            | State.READY
            | State.CONFIRMING
            | State.UNKNOWN
            | State.PARKED
            | State.UNPAID
            | State.CANCELLING
        ):
            return "in_other_run"
        case _:
            assert_never(state)


def _changed(charge: Charge, known: Known) -> Refuse:
    """Name the difference between the file and what was planned, field by field."""
    content = known.content
    pairs = [
        ("amount", _shown(known.amount, known.currency), _shown(charge.amount.minor, charge.amount.currency)),
        ("account", known.account, charge.account),
        ("customer", known.lane, charge.customer),
        ("payment_method", content.get("asked_method", ""), charge.payment_method or ""),
        ("application_fee", content.get("application_fee"), charge.application_fee),
        ("description", content.get("description") or "", charge.description or ""),
        ("statement_suffix", content.get("statement_suffix") or "", charge.statement_suffix or ""),
        ("metadata", dict(content.get("metadata", {})), dict(charge.metadata)),
    ]
    changes = ", ".join(f"{name} {old} -> {new}" for name, old, new in pairs if old != new)
    message = f'reference "{charge.reference}" was planned in run {known.run_id} with other content: {changes}'
    hint = "what was planned cannot be changed by editing a file; give a new charge a new reference"
    return Refuse("content_changed", message, hint)


def _shown(minor: int, currency: str) -> str:
    return f"{format_minor(minor, currency)} {currency.upper()}"


def _new_item(scene: Scene, charge: Charge) -> NewItem:
    method = scene.findings.method_of(charge)
    skip = unusable(scene.findings, charge, scene.platform)
    facts = {} if skip is None else {"group": "skipped", "reason_code": skip, "reason": SKIPS[skip][0]}
    return NewItem(
        item=item_id(scene.mode, scene.platform, scene.period, charge.reference, 0),
        kind=Kind.CHARGE,
        reference=charge.reference,
        generation=0,
        account=charge.account,
        lane=charge.customer,
        amount=charge.amount.minor,
        currency=charge.amount.currency,
        digest=charge_digest(charge),
        content=_content(scene, charge, method, skip),
        skip=skip,
        facts=facts,
    )


def _content(scene: Scene, charge: Charge, method: str, skip: str | None) -> Facts:
    """Return what requests are built from, with what the file asked for and why the plan skips it where that differs.

    ``asked_method`` is what the file said, ``payment_method`` what is used.
    """
    content: dict[str, object] = {"run_id": scene.run_id, "customer": charge.customer, "payment_method": method}
    if skip is not None:
        content["skip"] = skip
    if charge.payment_method:
        content["asked_method"] = charge.payment_method
    if charge.application_fee is not None:
        content["application_fee"] = charge.application_fee
    if charge.description:
        content["description"] = charge.description
    if charge.statement_suffix:
        content["statement_suffix"] = charge.statement_suffix
    if charge.metadata:
        content["metadata"] = dict(charge.metadata)
    return content
