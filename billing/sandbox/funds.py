"""Every movement of money on an account: balance transactions, the balance, payouts."""

from billing.sandbox.banks import business_days_later
from billing.sandbox.events import record
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.shelves import fits
from billing.sandbox.world import Account, Call, World

AVAILABLE_BUSINESS_DAYS = 2  # docs.stripe.com/payouts: standard speed in the US
CATEGORIES = {  # the reporting category of a type that has another name (docs.stripe.com/reports/reporting-categories)
    "adjustment": "dispute", "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund", "payment": "charge", "payment_refund": "refund",
}  # fmt: skip
BANK_DEBIT = "us_bank_account"


def type_of(charge: Obj, *, refund: bool = False) -> str:
    """The type of the transaction behind a charge or a refund; all but cards are payments."""
    if BANK_DEBIT in charge["payment_method_details"]:
        return "payment_refund" if refund else "payment"
    return "refund" if refund else "charge"


def transaction(
    world: World, account: Account, *, kind: str, amount: int, source: Obj, livemode: bool,
    details: list[Obj] | None = None, days: int = 0, rate: float | None = None, category: str | None = None,
    description: str | None = None,
) -> Obj:  # fmt: skip
    """One line of an account's balance, in the account's own currency, available after ``days`` business days."""
    available = business_days_later(world.now, days)
    fee = sum(detail["amount"] for detail in details or ())
    row: Obj = {
        "id": world.ids.new("txn_3"), "object": "balance_transaction", "amount": amount, "available_on": int(available),
        "balance_type": "payments", "created": world.seconds, "currency": account.body["default_currency"],
        "description": description or source.get("description"), "exchange_rate": rate, "fee": fee,
        "fee_details": details or [], "net": amount - fee,
        "reporting_category": category or CATEGORIES.get(kind, kind), "source": source["id"],
        "status": "available" if days == 0 else "pending", "type": kind,
    }  # fmt: skip
    if days:
        world.agenda.add(available, lambda: row.update(status="available"))
    return account["txn"].add(row, livemode)


def balance(call: Call) -> Obj:
    """What the account holds, available and pending, in its own currency."""
    sums = {"available": 0, "pending": 0}
    for row in call.account["txn"].of(call.livemode):
        sums[row["status"]] += row["net"]
    currency = call.account.body["default_currency"]

    def held(amount: int) -> list[Obj]:
        return [{"amount": amount, "currency": currency, "source_types": {"card": amount}}]

    return {
        "object": "balance", "instant_available": held(0), "livemode": call.livemode,
        **{name: held(amount) for name, amount in sums.items()},
    }  # fmt: skip


def pay_out(world: World, account: Account) -> None:
    """Send what is available and not yet paid out to the account's bank: one payout a day at most."""
    for livemode in (False, True):
        rows = [
            row for row in account["txn"].of(livemode)
            if row["status"] == "available" and row["id"] not in account.payout_of
        ]  # fmt: skip
        total = sum(row["net"] for row in rows)
        if total <= 0:
            continue
        payout = _payout(world, account, total, livemode)
        own = transaction(world, account, kind="payout", amount=-total, source=payout, livemode=livemode)
        payout["balance_transaction"] = own["id"]
        account["po"].add(payout)
        account.payout_of |= {row["id"]: payout["id"] for row in [*rows, own]}


def _payout(world: World, account: Account, amount: int, livemode: bool) -> Obj:
    return {
        "id": world.ids.new("po_1"), "object": "payout", "amount": amount, "application_fee": None,
        "application_fee_amount": None, "arrival_date": world.seconds, "automatic": True, "balance_transaction": None,
        "created": world.seconds, "currency": account.body["default_currency"], "description": "STRIPE PAYOUT",
        "destination": f"ba_1{account.id.removeprefix('acct_1')}", "failure_balance_transaction": None,
        "failure_code": None, "failure_message": None, "livemode": livemode, "metadata": {}, "method": "standard",
        "original_payout": None, "payout_method": None, "reconciliation_status": "completed", "reversed_by": None,
        "source_type": "card", "statement_descriptor": None, "status": "paid", "trace_id": None, "type": "bank_account",
    }  # fmt: skip


FAILURES = {  # docs.stripe.com/api/payouts/failures: why a bank returns a payout
    "account_closed": "The bank account has been closed.",
    "account_frozen": "The bank account has been frozen.",
    "bank_account_restricted": "The bank account has restrictions on the type, or number, of payouts allowed.",
    "could_not_process": "The bank could not process this payout.",
    "debit_not_authorized": "Debit transactions are not approved on the bank account.",
    "declined": "The bank has declined this payout.",
    "incorrect_account_holder_name": "The account holder's name does not match the bank's records.",
    "invalid_account_number": "The routing number seems correct, but the account number is invalid.",
    "invalid_currency": "The bank was unable to process this payout because of its currency.",
    "no_account": "The bank account details on file are probably incorrect. No bank account could be located.",
    "unsupported_card": "The bank no longer supports payouts to this card.",
}  # fmt: skip


def fail_payout(call: Call, body: Obj, code: str) -> Obj:
    """The bank returns a payout, also one that was ``paid``: its money is on the balance again."""
    row = transaction(
        call.world, call.account, kind="payout_failure", amount=body["amount"], source=body, livemode=body["livemode"],
        category="payout_reversal",
    )  # fmt: skip
    body |= {
        "status": "failed", "failure_code": code, "failure_message": FAILURES[code],
        "failure_balance_transaction": row["id"],
    }  # fmt: skip
    record(call, "payout.failed", body)
    return body


def update_payout(call: Call) -> Obj:
    """Change a payout's metadata."""
    row = call.find("po", call.ids[0])
    row["metadata"] = merged(row["metadata"], call.params.get("metadata"))
    return row


def payouts(call: Call) -> Obj:
    """Payouts of this account, by status, destination or day of arrival."""
    wanted = {name: call.params[name] for name in ("status", "destination") if name in call.params}
    arrives = fits(call.params.get("arrival_date"))

    def keep(row: Obj) -> bool:
        return arrives(row["arrival_date"]) and all(row[name] == value for name, value in wanted.items())

    return call.account["po"].page(call.params, "/v1/payouts", call.livemode, keep)


def transactions(call: Call) -> Obj:
    """Balance transactions of this account, by source, currency, type or payout."""
    wanted = {name: call.params[name] for name in ("source", "currency", "type") if name in call.params}
    payout = call.params.get("payout")
    if payout is not None and call.account["po"].peek(payout) is None:
        raise invalid(f"No such payout: '{payout}'", "payout", "resource_missing")

    def keep(row: Obj) -> bool:
        same = all(row[name] == value for name, value in wanted.items())
        return same and (payout is None or call.account.payout_of.get(row["id"]) == payout)

    return call.account["txn"].page(call.params, "/v1/balance_transactions", call.livemode, keep)
