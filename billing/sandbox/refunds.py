"""Refunds: money given back from the connected account, with or without the platform's share."""

from billing.sandbox import tariff
from billing.sandbox.charges import transaction
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid, refusal
from billing.sandbox.world import Call


def create(call: Call) -> Obj:
    """Give back all or part of a paid charge.

    Raises:
        Refusal: no such charge, not paid, already refunded, or more than is left.
    """
    charge = _charge(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise refusal(f"Charge {charge['id']} has not been paid.", code="charge_not_refundable", param="charge")
    if charge["disputed"]:
        raise refusal(f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    if left == 0:
        raise refusal(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = call.params.get("amount", left)
    if not 1 <= amount <= left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", "amount")
    return _give_back(call, charge, amount)


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


def _give_back(call: Call, charge: Obj, amount: int) -> Obj:
    own = call.account.body["default_currency"]
    settled, rate = tariff.settled(amount, charge["currency"], own)
    body: Obj = {
        "id": call.new_id("re"), "object": "refund", "amount": amount, "balance_transaction": None,
        "charge": charge["id"],
        "created": call.world.seconds, "currency": charge["currency"], "description": None,
        "livemode": charge["livemode"],
        "metadata": merged({}, call.params.get("metadata")), "payment_intent": charge["payment_intent"],
        "reason": call.params.get("reason"), "receipt_number": None, "source_transfer_reversal": None,
        "status": "succeeded", "transfer_reversal": None,
    }  # fmt: skip
    details = []
    if call.params.get("refund_application_fee"):
        details = [
            tariff.fee_detail("application_fee", -_fee_back(call, charge, amount), own, "Application fee refund")
        ]
    row = transaction(call.world, call.account, kind="refund", amount=-settled, source=body, details=details, rate=rate)
    body["balance_transaction"] = row["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    return call.account["re"].add(body)


def _fee_back(call: Call, charge: Obj, amount: int) -> int:
    """The platform's share of this refund, in the account's own currency; the fee object keeps count."""
    fee = call.world.platform["fee"].peek(charge["application_fee"] or "")
    if fee is None:
        return 0
    share = fee["amount"] * amount // charge["amount_captured"]
    fee["amount_refunded"] += share
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    settled, _ = tariff.settled(share, charge["currency"], call.account.body["default_currency"])
    platform = call.world.platform
    own, rate = tariff.settled(share, charge["currency"], platform.body["default_currency"])
    transaction(call.world, platform, kind="application_fee_refund", amount=-own, source=fee, details=[], rate=rate)
    return settled


def listed(call: Call) -> Obj:
    """Refunds of this account, by charge or intent."""
    wanted = {name: call.params[name] for name in ("charge", "payment_intent") if name in call.params}
    return call.account["re"].page(
        call.params, "/v1/refunds", call.livemode, lambda row: all(row[name] == value for name, value in wanted.items())
    )
