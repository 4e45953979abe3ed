"""The platform's share of charges: application fees, and what of them is given back."""

from billing.sandbox import tariff
from billing.sandbox.events import record
from billing.sandbox.funds import transaction
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid, refusal
from billing.sandbox.shelves import list_of
from billing.sandbox.world import Account, Call

SHOWN = 10  # refunds that a fee carries; the rest are listed


def collect(call: Call, charge: Obj, amount: int) -> str:
    """The platform's share of a charge, an object on the platform; its id."""
    platform, wanted = call.world.platform, call.new_id("fee")
    fee: Obj = {
        "id": wanted, "object": "application_fee", "account": call.account.id, "amount": amount,
        "amount_refunded": 0, "application": call.world.application, "balance_transaction": None,
        "charge": charge["id"], "created": call.world.seconds, "currency": charge["currency"],
        "fee_source": {"charge": charge["id"], "type": "charge"}, "livemode": charge["livemode"],
        "originating_transaction": charge["id"], "refunded": False,
        "refunds": list_of([], f"/v1/application_fees/{wanted}/refunds"),
    }  # fmt: skip
    settled, rate = tariff.settled(amount, charge["currency"], platform.body["default_currency"])
    row = transaction(
        call.world, platform, kind="application_fee", amount=settled, source=fee, livemode=charge["livemode"], days=2,
        rate=rate,
    )  # fmt: skip
    fee["balance_transaction"] = row["id"]
    platform["fee"].add(fee)
    record(call.world.on(platform, livemode=fee["livemode"]), "application_fee.created", fee)
    return wanted


def give_back(call: Call, fee: Obj, amount: int, metadata: dict[str, str]) -> Obj:
    """A part of a fee goes from the platform back to the account that paid it; the ``fee_refund``."""
    platform = call.world.platform
    body: Obj = {
        "id": call.new_id("fr"), "object": "fee_refund", "amount": amount, "balance_transaction": None,
        "created": call.world.seconds, "currency": fee["currency"], "fee": fee["id"], "metadata": metadata,
    }  # fmt: skip
    settled, rate = tariff.settled(amount, fee["currency"], platform.body["default_currency"])
    row = transaction(
        call.world, platform, kind="application_fee_refund", amount=-settled, source=body, livemode=fee["livemode"],
        rate=rate,
    )  # fmt: skip
    body["balance_transaction"] = row["id"]
    fee["amount_refunded"] += amount
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    held = fee["refunds"]
    held |= {"data": [body, *held["data"]][:SHOWN], "has_more": len(held["data"]) + 1 > SHOWN}
    platform["fr"].add(body, fee["livemode"])
    record(call.world.on(platform, livemode=fee["livemode"]), "application_fee.refunded", fee)
    return body


def refund(call: Call) -> Obj:
    """Give back a part of a fee by itself, without a refund of its charge.

    Raises:
        Refusal: no such fee, nothing left of it, or more than is left.
    """
    fee = call.find("fee", call.ids[0])
    left = fee["amount"] - fee["amount_refunded"]
    if left == 0:
        raise refusal(f"Application fee {fee['id']} has already been refunded.", code="charge_already_refunded")
    amount: int = call.given("amount", left)
    tariff.check_positive(amount)
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on fee ({left}).", "amount")
    body = give_back(call, fee, amount, merged({}, call.params.get("metadata")))
    account: Account = call.world.accounts[fee["account"]]
    settled, rate = tariff.settled(amount, fee["currency"], account.body["default_currency"])
    transaction(
        call.world, account, kind="adjustment", category="fee", amount=settled, source=body, livemode=fee["livemode"],
        rate=rate, description="Application fee refund",
    )  # fmt: skip
    return body


def refunds(call: Call) -> Obj:
    """What was given back of one fee, newest first."""
    fee = call.find("fee", call.ids[0])
    path = f"/v1/application_fees/{fee['id']}/refunds"
    return call.account["fr"].page(call.params, path, call.livemode, lambda row: row["fee"] == fee["id"])


def refund_of(call: Call) -> Obj:
    """One refund of one fee; an update changes its metadata."""
    call.find("fee", call.ids[0])
    row = call.find("fr", call.ids[1])
    row["metadata"] = merged(row["metadata"], call.params.get("metadata"))
    return row
