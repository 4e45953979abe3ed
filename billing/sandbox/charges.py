"""Charges and the money behind them: balance transactions, fees, application fees, disputes, payouts."""

import time

from billing.sandbox import tariff
from billing.sandbox.banks import business_days_later
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.testmethods import Decline
from billing.sandbox.world import Account, Call, World

AVAILABLE_BUSINESS_DAYS = 2  # docs.stripe.com/payouts: standard speed in the US


def year_and_month(now: float) -> tuple[int, int]:
    """The UTC year and month of a moment."""
    moment = time.gmtime(now)
    return moment.tm_year, moment.tm_mon


def make(call: Call, intent: Obj, method: Obj, status: str, decline: Decline | None = None) -> Obj:
    """A charge of an intent: ``succeeded``, ``pending`` or ``failed``."""
    paid = status == "succeeded"
    charge: Obj = {
        "id": call.new_id("ch"), "object": "charge", "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0, "amount_refunded": 0, "application": intent["application"],
        "application_fee": None, "application_fee_amount": intent["application_fee_amount"],
        "balance_transaction": None, "billing_details": method["billing_details"], "captured": paid,
        "created": call.world.seconds, "currency": intent["currency"], "customer": intent["customer"],
        "description": intent["description"], "disputed": False, "failure_balance_transaction": None,
        "failure_code": None, "failure_message": None, "livemode": intent["livemode"],
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None, "outcome": _outcome(call, method, decline), "paid": paid, "payment_intent": intent["id"],
        "payment_method": method["id"], "payment_method_details": _details(method),
        "receipt_email": intent["receipt_email"],
        "receipt_url": None, "refunded": False, "review": None, "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"], "status": status,
        "transfer_group": intent["transfer_group"],
    }  # fmt: skip
    if decline is not None:
        fail(charge, decline)
    return call.account["ch"].add(charge)


def fail(charge: Obj, decline: Decline) -> None:
    """Make a charge a failed one."""
    charge |= {
        "status": "failed", "paid": False, "failure_code": decline.decline_code or decline.code,
        "failure_message": "Your payment was declined.",
    }  # fmt: skip


def _details(method: Obj) -> Obj:
    kind = method["type"]
    return {kind: dict(method[kind]), "type": kind}


def _outcome(call: Call, method: Obj, decline: Decline | None) -> Obj:
    risk = call.account.instruments[method["id"]].acts.risk if method["type"] == "card" else "not_assessed"
    outcome: Obj = {
        "advice_code": None, "network_advice_code": None, "network_decline_code": None,
        "network_status": "approved_by_network", "reason": None, "risk_level": risk,
        "seller_message": "Payment complete.", "type": "authorized",
    }  # fmt: skip
    if decline is None:
        return outcome
    return outcome | {
        "advice_code": decline.advice, "network_advice_code": decline.network_advice,
        "network_decline_code": decline.network_decline, "reason": decline.reason or decline.decline_code,
        "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
        "seller_message": "The payment was not completed.", "type": "blocked" if decline.blocked else "issuer_declined",
    }  # fmt: skip


def book(call: Call, intent: Obj, charge: Obj) -> None:
    """Put a paid charge on the books; its balance transaction may show a moment later (``automatic_async``)."""
    world, account, kind = call.world, call.account, charge["payment_method_details"]["type"]
    own = account.body["default_currency"]
    amount, rate = tariff.settled(charge["amount_captured"], charge["currency"], own)
    details = [tariff.fee_detail("stripe_fee", tariff.fee(amount, own, kind), own, "Stripe processing fees")]
    share = intent["application_fee_amount"] or 0
    if share:
        fee, _ = tariff.settled(share, charge["currency"], own)
        charge["application_fee"] = _application_fee(call, charge, share)
        line = tariff.fee_detail("application_fee", fee, own, "Platform application fee")
        details.append(line | {"application": charge["application"]})
    at_once = account.instruments[charge["payment_method"]].acts.funds_at_once
    days = 0 if at_once else AVAILABLE_BUSINESS_DAYS
    row = transaction(
        world, account, kind="charge", amount=amount, source=charge, details=details, days=days, rate=rate
    )

    def show() -> None:
        charge["balance_transaction"] = row["id"]

    delay = world.behaviour.fee_delay_seconds if intent["capture_method"] == "automatic_async" else 0.0
    if delay:
        world.agenda.add(world.now + delay, show)
    else:
        show()


def _application_fee(call: Call, charge: Obj, amount: int) -> str:
    """The platform's share, an object on the platform."""
    platform = call.world.platform
    fee = {
        "id": call.new_id("fee"), "object": "application_fee", "account": call.account.id, "amount": amount,
        "amount_refunded": 0, "application": call.world.application, "balance_transaction": None,
        "charge": charge["id"], "created": call.world.seconds, "currency": charge["currency"],
        "livemode": charge["livemode"], "originating_transaction": charge["id"], "refunded": False,
    }  # fmt: skip
    own = platform.body["default_currency"]
    settled, rate = tariff.settled(amount, charge["currency"], own)
    row = transaction(
        call.world, platform, kind="application_fee", amount=settled, source=fee, details=[], days=2, rate=rate
    )
    fee["balance_transaction"] = row["id"]
    return str(platform["fee"].add(fee)["id"])


def transaction(
    world: World, account: Account, *, kind: str, amount: int, source: Obj, details: list[Obj], days: int = 0,
    rate: float | None = None,
) -> Obj:  # fmt: skip
    """One line of an account's balance, in the account's own currency."""
    available = business_days_later(world.now, days)
    fee = sum(detail["amount"] for detail in details)
    row: Obj = {
        "id": world.ids.new("txn_3"), "object": "balance_transaction", "amount": amount, "available_on": int(available),
        "created": world.seconds, "currency": account.body["default_currency"],
        "description": source.get("description"),
        "exchange_rate": rate, "fee": fee, "fee_details": details, "livemode": source["livemode"], "net": amount - fee,
        "reporting_category": "fee" if kind == "application_fee" else kind, "source": source["id"],
        "status": "available" if days == 0 else "pending", "type": kind,
    }  # fmt: skip
    if days:
        world.agenda.add(available, lambda: row.update(status="available"))
    return account["txn"].add(row)


def dispute(call: Call, charge: Obj) -> None:
    """The payer, or the payer's bank, takes a charge back."""
    body: Obj = {
        "id": call.new_id("dp"), "object": "dispute", "amount": charge["amount"], "charge": charge["id"],
        "created": call.world.seconds, "currency": charge["currency"], "livemode": charge["livemode"], "metadata": {},
        "payment_intent": charge["payment_intent"], "reason": "fraudulent", "status": "needs_response",
    }  # fmt: skip
    own = call.account.body["default_currency"]
    amount, rate = tariff.settled(charge["amount"], charge["currency"], own)
    details = [tariff.fee_detail("stripe_fee", tariff.DISPUTE_FEE, own, "Dispute fee")]
    transaction(call.world, call.account, kind="adjustment", amount=-amount, source=body, details=details, rate=rate)
    call.account["dp"].add(body)
    charge["disputed"] = True


def pay_out(world: World, account: Account) -> None:
    """Send what is available and not yet paid out to the account's bank: one payout a day at most."""
    for livemode in (False, True):
        rows = [
            row for row in account["txn"]
            if row["livemode"] is livemode and row["status"] == "available" and row["id"] not in account.payout_of
        ]  # fmt: skip
        total = sum(row["net"] for row in rows)
        if total <= 0:
            continue
        payout: Obj = {
            "id": world.ids.new("po_1"), "object": "payout", "amount": total, "arrival_date": world.seconds,
            "automatic": True, "balance_transaction": None, "created": world.seconds,
            "currency": account.body["default_currency"], "description": "STRIPE PAYOUT", "failure_code": None,
            "livemode": livemode, "metadata": {}, "method": "standard", "reconciliation_status": "completed",
            "status": "paid", "type": "bank_account",
        }  # fmt: skip
        own = transaction(world, account, kind="payout", amount=-total, source=payout, details=[])
        payout["balance_transaction"] = own["id"]
        account["po"].add(payout)
        account.payout_of |= {row["id"]: payout["id"] for row in [*rows, own]}


def listed(call: Call) -> Obj:
    """Charges of this account, by intent or customer."""
    wanted = {
        name: call.params[name] for name in ("payment_intent", "customer", "transfer_group") if name in call.params
    }
    return call.account["ch"].page(
        call.params, "/v1/charges", call.livemode, lambda row: all(row[name] == value for name, value in wanted.items())
    )


def transactions(call: Call) -> Obj:
    """Balance transactions of this account, by source, currency, type or payout."""
    wanted = {name: call.params[name] for name in ("source", "currency", "type") if name in call.params}
    payout = call.params.get("payout")
    if payout is not None and call.account["po"].peek(payout) is None:
        raise invalid(f"No such payout: '{payout}'", "payout", "resource_missing")

    def keep(row: Obj) -> bool:
        fits = all(row[name] == value for name, value in wanted.items())
        return fits and (payout is None or call.account.payout_of.get(row["id"]) == payout)

    return call.account["txn"].page(call.params, "/v1/balance_transactions", call.livemode, keep)
