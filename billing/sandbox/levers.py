"""Levers: what banks, issuers and strangers do to an account's money behind the platform's back.

Each is a function for whoever holds the sandbox, and a command of the control plane whose body is what it takes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from billing.sandbox import disputes, fraud_warnings, intents, payouts, refunds
from billing.sandbox.config import ConfigProblem
from billing.sandbox.funds import BANK_DEBIT
from billing.sandbox.metadata import merged
from billing.sandbox.model import Sandbox
from billing.sandbox.refusals import Obj, Refusal
from billing.sandbox.testmethods import FRAUD, Complaint
from billing.sandbox.world import ALSO, Call

RETURNS = disputes.FAILURES | {"debit_not_authorized"}
REFUND_FAILURES = frozenset({  # docs.stripe.com/refunds
    "charge_for_pending_refund_disputed", "declined", "expired_or_canceled_card", "insufficient_funds",
    "lost_or_stolen_card", "merchant_request", "unknown",
})  # fmt: skip


def open_dispute(
    sandbox: Sandbox, account: str, charge: str, reason: str = FRAUD.reason, inquiry: bool = False, final: bool = False,
    amount: int | None = None,
) -> Obj:  # fmt: skip
    """A payer disputes a paid charge, or ``amount`` minor units of it; the dispute.

    ``inquiry``: the bank only asks, and no money moves. ``final``: it is born lost.

    Raises:
        ConfigProblem: no such charge, not paid, or no such reason.
    """
    call, body = _paid(sandbox, account, charge)
    _known("reason", reason, disputes.REASONS)
    if (inquiry and final) or (amount is not None and amount < 1):
        raise ConfigProblem("a dispute is an inquiry or final, and of one minor unit at least")
    code = FRAUD.network_code if reason == FRAUD.reason else None
    return disputes.open_dispute(call, body, Complaint(reason, code, inquiry, final), amount)


def end_dispute(sandbox: Sandbox, account: str, dispute: str, status: str) -> Obj:
    """The bank decides a dispute; see ``disputes.FOLLOWS`` for what can follow what.

    ``won`` reinstates the money, also long after ``lost``; ``warning_closed`` ends an inquiry, and ``needs_response``
    makes it a dispute.

    Raises:
        ConfigProblem: no such dispute, or one of which that cannot become.
    """
    call, body = _find(sandbox, account, "dp", dispute)
    _known("status", status, disputes.FOLLOWS)
    if disputes.is_final(body) or body["status"] not in disputes.FOLLOWS[status]:
        raise ConfigProblem(f"dispute {dispute} is {body['status']}: it does not become {status}")
    return disputes.end(call, body, status)


def return_debit(sandbox: Sandbox, account: str, charge: str, reason: str = "insufficient_funds") -> Obj:
    """The bank takes a debit back that had succeeded: a dispute born lost, its money gone with a fee; the dispute.

    Raises:
        ConfigProblem: no such debit, not paid, or a reason that no bank has for it.
    """
    call, body = _paid(sandbox, account, charge)
    _known("reason", reason, RETURNS)
    if BANK_DEBIT not in body["payment_method_details"]:
        raise ConfigProblem(f"charge {charge} is no bank debit")
    return disputes.open_dispute(call, body, Complaint(reason, final=True))


def warn(sandbox: Sandbox, account: str, charge: str, fraud_type: str = "made_with_stolen_card") -> Obj:
    """The issuer of a charge's card suspects fraud; the early fraud warning.

    Raises:
        ConfigProblem: no such charge, not paid by a card, or no such type.
    """
    call, body = _paid(sandbox, account, charge)
    _known("fraud_type", fraud_type, fraud_warnings.FRAUD_TYPES)
    if "card" not in body["payment_method_details"]:
        raise ConfigProblem(f"charge {charge} is of no card")
    return fraud_warnings.warn(call, body, fraud_type)


def fail_refund(sandbox: Sandbox, account: str, refund: str, reason: str = "expired_or_canceled_card") -> Obj:
    """A bank returns money that was given back, weeks later perhaps; the refund, now ``failed``.

    Raises:
        ConfigProblem: no such refund, none that moved money and stands, or no such reason.
    """
    call, body = _find(sandbox, account, "re", refund)
    _known("reason", reason, REFUND_FAILURES)
    if body["status"] not in ("pending", "succeeded") or body["balance_transaction"] is None:
        raise ConfigProblem(f"refund {refund} is {body['status']}: no bank returns it")
    refunds.returned(call, call.find("ch", body["charge"]), body, reason)
    return body


def fail_payout(sandbox: Sandbox, account: str, payout: str, code: str = "account_closed") -> Obj:
    """The account's bank returns a payout, also one that was ``paid``; the payout, now ``failed``.

    Raises:
        ConfigProblem: no such payout, none that can fail, or no such code.
    """
    call, body = _find(sandbox, account, "po", payout)
    _known("code", code, payouts.FAILURES)
    if body["status"] not in payouts.STANDING:
        raise ConfigProblem(f"payout {payout} is {body['status']}: it does not fail")
    return payouts.fail(call, body, code)


def lose(sandbox: Sandbox, account: str, object: str) -> Obj:  # noqa: A002  as the command names it
    """An object vanishes: nobody can read it or find it in a list any more; what it was.

    Raises:
        ConfigProblem: no such object.
    """
    call, body = _find(sandbox, account, object.split("_", 1)[0], object)
    call.account[_shelf(object)].lose(object)
    return body


def make_charge(
    sandbox: Sandbox, account: str, amount: int, currency: str | None = None, method: str = "pm_card_visa",
    metadata: Mapping[str, str] | None = None, intent: bool = False,
) -> Obj:  # fmt: skip
    """Somebody else charges a payer on this account; the charge.

    ``method`` is the name of a test method; the currency is the account's unless another is given. No list of intents
    shows the charge unless ``intent`` asks for one.

    Raises:
        ConfigProblem: no such account, or the charge is refused.
    """
    call = _desk(sandbox, account)
    call.connected = False  # the account's own doing: the platform is not its application
    kind = BANK_DEBIT if method.startswith("pm_usBankAccount") else "card"
    call.params = {
        "amount": amount, "currency": currency or call.account.body["default_currency"], "confirm": True,
        "allowed_payment_method_types": [kind], "payment_method": method, "metadata": dict(metadata or {}),
        "capture_method": "automatic",
    }  # fmt: skip
    if kind == BANK_DEBIT:
        del call.params["capture_method"]
    try:
        made = intents.create(call)
    except Refusal as said:
        raise ConfigProblem(said.error["message"]) from said
    charge = call.find("ch", made["latest_charge"])
    if not intent:
        call.account["pi"].lose(made["id"])
        charge["payment_intent"] = None
    return charge


def change(sandbox: Sandbox, account: str, object: str, to: Mapping[str, object]) -> Obj:  # noqa: A002  as above
    """Somebody changes fields of an object, whatever Stripe would say of that; the object.

    Metadata are merged, an empty text takes a key away; any other field takes the value as it stands.

    Raises:
        ConfigProblem: no such object, or a field that it does not have.
    """
    _, body = _find(sandbox, account, object.split("_", 1)[0], object)
    unknown = sorted(set(to) - set(body) | {"id", "object"} & set(to))
    if unknown:
        raise ConfigProblem(f"{object} has no field {unknown[0]!r} that can change")
    changes: Obj = dict(to)
    if "metadata" in changes:
        changes["metadata"] = merged(body["metadata"], changes["metadata"])
    body |= changes
    return body


LEVERS: dict[str, Callable[..., Obj]] = {  # by the name of their command
    "change": change,
    "charge": make_charge,
    "dispute": open_dispute,
    "dispute_end": end_dispute,
    "lose": lose,
    "payout_fail": fail_payout,
    "refund_fail": fail_refund,
    "return": return_debit,
    "warn": warn,
}


def _desk(sandbox: Sandbox, account: str, *, livemode: bool = False) -> Call:
    sandbox.tick()
    found = sandbox.world.account(account)
    if found is None:
        raise ConfigProblem(f"no account {account!r}")
    return sandbox.world.on(found, livemode=livemode)


def _shelf(wanted: str) -> str:
    prefix = wanted.split("_", 1)[0]
    return ALSO.get(prefix, prefix)


def _find(sandbox: Sandbox, account: str, prefix: str, wanted: str) -> tuple[Call, Obj]:
    call, shelf = _desk(sandbox, account), ALSO.get(prefix, prefix)
    if shelf not in call.account.shelves or _shelf(wanted) != shelf:
        raise ConfigProblem(f"{wanted!r} is no id of such an object")
    body = call.account[shelf].peek(wanted)
    if body is None:
        raise ConfigProblem(f"no {wanted!r} on {account}")
    return sandbox.world.on(call.account, livemode=body.get("livemode", False)), body


def _paid(sandbox: Sandbox, account: str, charge: str) -> tuple[Call, Obj]:
    call, body = _find(sandbox, account, "ch", charge)
    if body["status"] != "succeeded" or not body["captured"]:
        raise ConfigProblem(f"charge {charge} is not paid")
    return call, body


def _known(name: str, given: str, known: Any) -> None:  # noqa: ANN401  a set, or a table by its keys
    if given not in known:
        raise ConfigProblem(f"no {name} {given!r}; known: {', '.join(sorted(known))}")
