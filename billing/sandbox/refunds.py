"""Refunds: money given back from the connected account, with or without the platform's share."""

from billing.sandbox import disputes, fees, fraud_warnings, tariff
from billing.sandbox.banks import business_days_later
from billing.sandbox.events import record, snapshot
from billing.sandbox.funds import BANK_DEBIT, held, transaction, type_of
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid, refusal
from billing.sandbox.testmethods import RefundAct
from billing.sandbox.world import Call

LATER = frozenset({RefundAct.TAKES_LATER, RefundAct.RETURNS_PENDING})
BACK = frozenset({RefundAct.RETURNS, RefundAct.RETURNS_PENDING})
# Banks with which a refund is pending first, and banks that return one.


def create(call: Call) -> Obj:
    """Give back all or part of a paid charge.

    Raises:
        Refusal: no such charge, not paid, already refunded, or more than is left.
    """
    charge = _charge(call)
    left = charge["amount"] - charge["amount_refunded"]
    _check_refundable(call, charge, left)
    _check_options(call, charge)
    amount: int = call.given("amount", left)
    tariff.check_positive(amount)
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", "amount")
    return _give_back(call, charge, amount)


def _check_refundable(call: Call, charge: Obj, left: int) -> None:
    """Whether anything can be given back of this charge."""
    if charge["status"] != "succeeded" or not (charge["captured"] or charge["refunded"]):
        raise refusal(f"Charge {charge['id']} has not been paid.", code="charge_not_refundable", param="charge")
    if disputes.bars_refund(call, charge):
        raise refusal(f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    if left == 0:
        raise refusal(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    rows = [row for row in call.account["re"] if row["charge"] == charge["id"]]
    if not call.world.behaviour.refund_after_failure and any(row["status"] == "failed" for row in rows):
        raise refusal(f"A previous attempt to refund charge {charge['id']} failed.", code="charge_not_refundable")


def _check_options(call: Call, charge: Obj) -> None:
    """What a refund would take back beside the money must be there."""
    if call.params.get("reverse_transfer"):
        message = f"Cannot reverse transfer for charge {charge['id']}: it has no transfer."
        raise invalid(message, "reverse_transfer")
    if call.params.get("refund_application_fee") and charge["application_fee"] is None:
        message = f"Cannot refund the application fee of charge {charge['id']}: it has no application fee."
        raise invalid(message, "refund_application_fee")


def _charge(call: Call) -> Obj:
    params = call.params
    if "charge" in params:
        return call.find("ch", params["charge"], "charge")
    if "payment_intent" not in params:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise invalid(message, "charge", "parameter_missing")
    intent = call.find("pi", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        raise refusal(message, code="payment_intent_unexpected_state", param="payment_intent")
    return call.find("ch", intent["latest_charge"], "charge")


def _body(call: Call, charge: Obj, amount: int) -> Obj:
    """A refund without the money behind it."""
    debit = BANK_DEBIT in charge["payment_method_details"]
    return {
        "id": call.new_id("pyr" if debit else "re"), "object": "refund", "amount": amount, "balance_transaction": None,
        "charge": charge["id"], "created": call.world.seconds, "currency": charge["currency"],
        "customer": charge["customer"], "customer_account": None, "metadata": {},
        "payment_intent": charge["payment_intent"], "payment_method": charge["payment_method"], "reason": None,
        "receipt_number": None, "source_transfer_reversal": None, "status": "succeeded", "transfer_reversal": None,
    }  # fmt: skip


def _keep(call: Call, charge: Obj, body: Obj) -> Obj:
    _count(call, charge, body["amount"])
    return call.account["re"].add(body, charge["livemode"])


def _count(call: Call, charge: Obj, amount: int) -> None:
    """What the charge says of its refunds: ``amount`` more was given back, or less where it came back."""
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    fraud_warnings.look_again(call, charge)


def _give_back(call: Call, charge: Obj, amount: int) -> Obj:
    body = _body(call, charge, amount)
    body |= {"metadata": merged({}, call.params.get("metadata")), "reason": call.params.get("reason")}
    if "instructions_email" in call.params:
        body["instructions_email"] = call.params["instructions_email"]
    with_fee = bool(call.params.get("refund_application_fee"))
    _keep(call, charge, body)
    if _covered(call, charge, body):
        _pay(call, charge, body, with_fee=with_fee)
    elif BANK_DEBIT in charge["payment_method_details"]:
        _count(call, charge, -amount)
        body |= {"status": "failed", "failure_reason": "insufficient_funds"}
    else:
        body |= {"status": "pending", "pending_reason": "insufficient_funds"}
        later = call.unasked()
        call.account.waiting.append(lambda: _go_on(later, charge, body, with_fee=with_fee))
    record(call, "refund.created", body)
    kind, told = ("refund.failed", body) if body["status"] == "failed" else ("charge.refunded", charge)
    record(call, kind, told)
    return body


def _covered(call: Call, charge: Obj, body: Obj) -> bool:
    """Whether the account has what it gives back; a balance may become negative unless ``refunds_wait``."""
    if not call.world.behaviour.refunds_wait:
        return True
    settled, _ = tariff.settled(body["amount"], charge["currency"], call.account.body["default_currency"])
    return held(call.account, charge["livemode"])["available"] >= settled


def _pay(call: Call, charge: Obj, body: Obj, *, with_fee: bool) -> None:
    """The money leaves, and with it the platform's share if that was asked for."""
    own, details = call.account.body["default_currency"], []
    if with_fee:
        share = _fee_back(call, charge, body["amount"])
        details = [tariff.fee_detail("application_fee", -share, own, "Application fee refund")]
    body["balance_transaction"] = _move(call, charge, body, details)
    _follow(call, charge, body)


def _go_on(call: Call, charge: Obj, body: Obj, *, with_fee: bool) -> bool:
    """Give back what waited for the account to have it; whether it waits no longer.

    A charge that was disputed meanwhile is not given back any more.
    """
    before = snapshot(body)
    if disputes.bars_refund(call, charge):
        body.pop("pending_reason")
        _count(call, charge, -body["amount"])
        body |= {"status": "failed", "failure_reason": "charge_for_pending_refund_disputed"}
        record(call, "refund.updated", body, before)
        record(call, "refund.failed", body)
        return True
    if not _covered(call, charge, body):
        return False
    body.pop("pending_reason")
    body["status"] = "succeeded"
    _pay(call, charge, body, with_fee=with_fee)
    record(call, "refund.updated", body, before)
    return True


def _follow(call: Call, charge: Obj, body: Obj) -> None:
    """What the payer's bank makes of it, days later."""
    act = call.account.instruments[charge["payment_method"]].acts.refund
    if act in LATER:
        body |= {"status": "pending", "pending_reason": "processing"}
    if act is RefundAct.TAKES:
        return

    def ended() -> None:
        if body["status"] == "failed":
            return
        if act in BACK:
            returned(call.unasked(), charge, body)
            return
        before = snapshot(body)
        body.pop("pending_reason", None)
        body["status"] = "succeeded"
        record(call.unasked(), "refund.updated", body, before)

    due = business_days_later(call.world.now, call.world.behaviour.refund_business_days)
    call.world.agenda.add(due, ended)


def returned(call: Call, charge: Obj, body: Obj, reason: str = "expired_or_canceled_card") -> None:
    """The bank returned the money: it is on the account's balance again, and the charge is not refunded."""
    before = snapshot(body)
    body.pop("pending_reason", None)
    settled, rate = tariff.settled(body["amount"], charge["currency"], call.account.body["default_currency"])
    row = transaction(
        call.world, call.account, kind="refund_failure", amount=settled, source=body, livemode=charge["livemode"],
        rate=rate,
    )  # fmt: skip
    body |= {"status": "failed", "failure_reason": reason, "failure_balance_transaction": row["id"]}
    _count(call, charge, -body["amount"])
    record(call, "refund.updated", body, before)
    record(call, "refund.failed", body)


def _move(call: Call, charge: Obj, body: Obj, details: list[Obj], category: str | None = None) -> str:
    """The money leaves the account; the id of the transaction."""
    settled, rate = tariff.settled(body["amount"], charge["currency"], call.account.body["default_currency"])
    row = transaction(
        call.world, call.account, kind=type_of(charge, refund=True), amount=-settled, source=body,
        livemode=charge["livemode"], details=details, rate=rate, category=category,
    )  # fmt: skip
    return str(row["id"])


def _fee_back(call: Call, charge: Obj, amount: int) -> int:
    """The platform's share of this refund goes back, too; how much, in the account's own currency."""
    fee = call.world.platform["fee"].peek(charge["application_fee"])
    if fee is None:
        return 0
    left = fee["amount"] - fee["amount_refunded"]
    share = min(fee["amount"] * amount // charge["amount_captured"], left)
    if share:
        fees.give_back(call, fee, share, {})
    settled, _ = tariff.settled(share, charge["currency"], call.account.body["default_currency"])
    return settled


def release(call: Call, charge: Obj, amount: int) -> None:
    """Let go of what was held and not taken; where a part was taken, the rest was booked and goes back."""
    body = _body(call, charge, amount)
    if charge["captured"]:
        body["balance_transaction"] = _move(call, charge, body, [], "partial_capture_reversal")
    _keep(call, charge, body)


def update(call: Call) -> Obj:
    """Change a refund's metadata."""
    row = call.find("re", call.ids[0])
    before = snapshot(row)
    row["metadata"] = merged(row["metadata"], call.params.get("metadata"))
    record(call, "refund.updated", row, before)
    return row


def cancel(call: Call) -> Obj:
    """Cancel a refund: only one that waits for the payer can be, and none here ever does."""
    row = call.find("re", call.ids[0])
    raise refusal(f"Refund {row['id']} cannot be canceled: its status is {row['status']}, not requires_action.")


def listed(call: Call) -> Obj:
    """Refunds of this account, by charge or intent."""
    if call.ids:
        call.find("ch", call.ids[0])
    given = call.params | ({"charge": call.ids[0]} if call.ids else {})
    wanted = {name: given[name] for name in ("charge", "payment_intent") if name in given}
    path = f"/v1/charges/{call.ids[0]}/refunds" if call.ids else "/v1/refunds"
    return call.account["re"].page(
        call.params, path, call.livemode, lambda row: all(row[name] == value for name, value in wanted.items())
    )
