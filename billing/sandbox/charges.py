"""Charges: what the bank made of an attempt, and how a paid one is put on the books."""

from copy import deepcopy
from functools import partial

from billing.sandbox import events, fees, tariff
from billing.sandbox.funds import AVAILABLE_BUSINESS_DAYS, BANK_DEBIT, clears, transaction, type_of
from billing.sandbox.metadata import merged
from billing.sandbox.payment_events import booked
from billing.sandbox.refusals import Obj
from billing.sandbox.shapes import shipping
from billing.sandbox.shelves import list_of
from billing.sandbox.testmethods import Decline
from billing.sandbox.world import Account, Call

MESSAGES = {
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "insufficient_funds": "Your card has insufficient funds.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}
NOTHING_SAID = "The bank did not return any further details with this decline."
SELLER_MESSAGES = {"generic_decline": NOTHING_SAID, "do_not_honor": NOTHING_SAID}
KEPT = {  # of a payment method's hash, what its charges carry
    "card": ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4",
             "regulated_status", "wallet"),
    BANK_DEBIT: ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number"),
}  # fmt: skip
CREDENTIAL = ("setup_credential_usage", "stored_credential_usage")  # what an intent said of a card on file
OF_ONE_CHARGE = {  # what a charge says beside; null unless set
    "card": ("amount_authorized", "authorization_code", "electronic_commerce_indicator", "installments", "mandate",
             "network", "network_transaction_id", "three_d_secure", "transaction_link_id"),
    BANK_DEBIT: ("payment_reference",),
}  # fmt: skip
UNSET = ("application_fee", "balance_transaction", "failure_balance_transaction", "failure_code", "failure_message",
         "receipt_number", "receipt_url", "review", "source", "source_transfer", "transfer_data")  # fmt: skip
FROM_INTENT = ("amount", "application", "application_fee_amount", "currency", "customer", "description", "livemode",
               "on_behalf_of", "receipt_email", "statement_descriptor", "statement_descriptor_suffix",
               "transfer_group")  # fmt: skip


def message_of(decline: Decline) -> str:
    """What the payer is told of a decline."""
    return MESSAGES.get(decline.decline_code or decline.code, "Your card was declined.")


def make(call: Call, intent: Obj, method: Obj, status: str, decline: Decline | None = None) -> Obj:
    """A charge of an intent: ``succeeded``, ``pending`` or ``failed``."""
    paid = status == "succeeded"
    charge: Obj = {
        "id": call.new_id("py" if method["type"] == BANK_DEBIT else "ch"), "object": "charge",
        **dict.fromkeys(UNSET), **{name: intent[name] for name in FROM_INTENT},
        "amount_captured": intent["amount"] if paid else 0, "amount_refunded": 0,
        "billing_details": deepcopy(method["billing_details"]),
        "calculated_statement_descriptor": statement(call.account, intent, method["type"]), "captured": paid,
        "created": call.world.seconds, "disputed": False, "fraud_details": {}, "metadata": dict(intent["metadata"]),
        "outcome": _outcome(call, method, decline), "paid": paid, "payment_intent": intent["id"],
        "payment_method": method["id"], "payment_method_details": _details(
            method, intent["amount"] if paid else None, intent["payment_method_options"].get(method["type"], {})
        ),
        "refunded": False, "shipping": deepcopy(intent["shipping"]), "status": status,
    }  # fmt: skip
    if decline is not None:
        fail(charge, decline)
    return call.account["ch"].add(charge)


def fail(charge: Obj, decline: Decline) -> None:
    """Make a charge a failed one."""
    charge |= {
        "status": "failed", "paid": False, "failure_code": decline.code, "failure_message": message_of(decline),
    }  # fmt: skip


def statement(account: Account, intent: Obj, kind: str) -> str | None:
    """What the payer's bank shows for a payment of this intent."""
    settings = account.body["settings"]
    usual: str | None = settings["payments"]["statement_descriptor"]
    if kind == BANK_DEBIT:
        return intent["statement_descriptor"] or usual
    suffix = intent["statement_descriptor_suffix"]
    return f"{settings['card_payments']['statement_descriptor_prefix']}* {suffix}" if suffix else usual


def _details(method: Obj, authorised: int | None, options: Obj) -> Obj:
    kind = method["type"]
    details = {name: deepcopy(method[kind][name]) for name in KEPT[kind]} | dict.fromkeys(OF_ONE_CHARGE[kind])
    if kind == "card":
        details |= {"amount_authorized": authorised, "network": method["card"]["brand"]}
        details |= {name: options[name] for name in CREDENTIAL if name in options}
    return {kind: details, "type": kind}


def _outcome(call: Call, method: Obj, decline: Decline | None) -> Obj:
    risk = call.account.instruments[method["id"]].acts.risk if method["type"] == "card" else "not_assessed"
    outcome: Obj = {
        "advice_code": None, "network_advice_code": None, "network_decline_code": None,
        "network_status": "approved_by_network", "reason": None, "risk_level": risk,
        "seller_message": "Payment complete.", "type": "authorized",
    }  # fmt: skip
    if decline is None:
        return outcome
    reason = decline.reason or decline.decline_code
    told = SELLER_MESSAGES.get(reason or "", f"The bank returned the decline code `{reason}`.")
    return outcome | {
        "advice_code": decline.advice, "network_advice_code": decline.network_advice,
        "network_decline_code": decline.network_decline, "reason": reason,
        "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
        "seller_message": "Stripe blocked this payment." if decline.blocked else told,
        "type": "blocked" if decline.blocked else "issuer_declined",
    }  # fmt: skip


def book(call: Call, intent: Obj, charge: Obj) -> None:
    """Put a paid charge on the books; its balance transaction may show a moment later (``automatic_async``)."""
    world, account = call.world, call.account
    own = account.body["default_currency"]
    amount, rate = tariff.settled(charge["amount"], charge["currency"], own)
    sent = charge["status"] == "pending"  # with a bank, which may still refuse it
    taken, _ = tariff.settled(charge["amount" if sent else "amount_captured"], charge["currency"], own)
    cost = tariff.fee(taken, own, charge["payment_method_details"]["type"])
    details = [tariff.fee_detail("stripe_fee", cost, own, "Stripe processing fees")]
    if share := intent["application_fee_amount"] or 0:
        fee, _ = tariff.settled(share, charge["currency"], own)
        charge["application_fee"] = fees.collect(call, charge, share)
        line = tariff.fee_detail("application_fee", fee, own, "Platform application fee")
        details.append(line | {"application": charge["application"]})
    at_once = account.instruments[charge["payment_method"]].acts.funds_at_once
    row = transaction(
        world, account, kind=type_of(charge), amount=amount, source=charge, livemode=charge["livemode"],
        details=details, days=None if sent else 0 if at_once else AVAILABLE_BUSINESS_DAYS, rate=rate,
    )  # fmt: skip
    if sent:
        account.unanswered[charge["id"]] = row
    delay = world.behaviour.fee_delay_seconds if intent["capture_method"] == "automatic_async" else 0.0
    if delay:
        world.agenda.add(world.now + delay, partial(booked, call, charge, row["id"]))
    else:
        charge["balance_transaction"] = row["id"]


def answered(call: Call, intent: Obj, charge: Obj) -> None:
    """A bank has paid a debit: it is booked now, or what was booked when it was sent becomes available."""
    row = call.account.unanswered.pop(charge["id"], None)
    if row is None:
        book(call, intent, charge)
    else:
        clears(call.world, call.account, row, AVAILABLE_BUSINESS_DAYS)


def call_back(call: Call, charge: Obj) -> None:
    """A debit is stopped before its bank has answered."""
    charge |= {"status": "failed", "paid": False}
    refused(call, charge)


def refused(call: Call, charge: Obj) -> None:
    """A bank will not pay a debit: what was booked when it was sent goes back with its fees."""
    row = call.account.unanswered.pop(charge["id"], None)
    if row is None:
        return
    fee = call.world.platform["fee"].peek(charge["application_fee"] or "")
    if fee is not None and not fee["refunded"]:
        fees.give_back(call, fee, fee["amount"] - fee["amount_refunded"], {})
    clears(call.world, call.account, row, 0)
    back = transaction(
        call.world, call.account, kind="payment_failure_refund", amount=-row["amount"], source=charge,
        livemode=charge["livemode"], rate=row["exchange_rate"],
        details=[detail | {"amount": -detail["amount"]} for detail in row["fee_details"]],
    )  # fmt: skip
    charge["failure_balance_transaction"] = back["id"]


def refunds_of(account: Account, charge: Obj) -> Obj:
    """The refunds of a charge as its ``refunds`` shows them, newest first."""
    rows = [row for row in account["re"] if row["charge"] == charge["id"]][::-1]
    return list_of(rows, f"/v1/charges/{charge['id']}/refunds")


def update(call: Call) -> Obj:
    """Change what may be changed of a charge at any time."""
    charge, params = call.find("ch", call.ids[0]), call.params
    metadata = merged(charge["metadata"], params.get("metadata"))
    changes: Obj = {name: params[name] or None for name in ("description", "receipt_email") if name in params}
    if "transfer_group" in params:
        changes["transfer_group"] = params["transfer_group"]
    if "shipping" in params:
        changes["shipping"] = shipping(params["shipping"])
    if "fraud_details" in params:
        changes["fraud_details"] = dict(params["fraud_details"] or {})
    before = events.snapshot(charge)
    charge |= changes | {"metadata": metadata}
    events.record(call, "charge.updated", charge, before)
    return charge


def listed(call: Call) -> Obj:
    """Charges of this account, by intent or customer."""
    wanted = {
        name: call.params[name] for name in ("payment_intent", "customer", "transfer_group") if name in call.params
    }
    return call.account["ch"].page(
        call.params, "/v1/charges", call.livemode, lambda row: all(row[name] == value for name, value in wanted.items())
    )
