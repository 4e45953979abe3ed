"""Every movement of money on an account: balance transactions, and the balance, which is their sum."""

from billing.sandbox.banks import business_days_later
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.world import Account, Call, World

AVAILABLE_BUSINESS_DAYS = 2  # docs.stripe.com/payouts: standard speed in the US
CATEGORIES = {  # the reporting category of a type that has another name (docs.stripe.com/reports/reporting-categories)
    "adjustment": "dispute", "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund", "payment": "charge",
    "payment_failure_refund": "charge_failure", "payment_refund": "refund",
    "payout_cancel": "payout_reversal", "payout_failure": "payout_reversal",
}  # fmt: skip
BANK_DEBIT = "us_bank_account"


def type_of(charge: Obj, *, refund: bool = False) -> str:
    """The type of the transaction behind a charge or a refund; all but cards are payments."""
    if BANK_DEBIT in charge["payment_method_details"]:
        return "payment_refund" if refund else "payment"
    return "refund" if refund else "charge"


def transaction(
    world: World, account: Account, *, kind: str, amount: int, source: Obj, livemode: bool,
    details: list[Obj] | None = None, days: int | None = 0, rate: float | None = None, category: str | None = None,
    description: str | None = None,
) -> Obj:  # fmt: skip
    """One line of an account's balance, in the account's own currency, available after ``days`` business days.

    Without ``days`` it is pending until ``clears`` is called.
    """
    available = business_days_later(world.now, AVAILABLE_BUSINESS_DAYS if days is None else days)
    fee = sum(detail["amount"] for detail in details or ())
    row: Obj = {
        "id": world.ids.new("txn_3"), "object": "balance_transaction", "amount": amount, "available_on": int(available),
        "balance_type": "payments", "created": world.seconds, "currency": account.body["default_currency"],
        "description": description or source.get("description"), "exchange_rate": rate, "fee": fee,
        "fee_details": details or [], "net": amount - fee,
        "reporting_category": category or CATEGORIES.get(kind, kind), "source": source["id"],
        "status": "available" if days == 0 else "pending", "type": kind,
    }  # fmt: skip
    account["txn"].add(row, livemode)
    account.unpaid.append(row)
    if days:
        world.agenda.add(available, lambda: _available(account, row))
    elif days == 0 and row["net"] > 0:
        account.go_on()
    return row


def clears(world: World, account: Account, row: Obj, days: int) -> None:
    """A row that waited for a bank's answer is available after ``days`` business days from now."""
    due = business_days_later(world.now, days)
    row["available_on"] = int(due)
    world.agenda.add(due, lambda: _available(account, row))


def _available(account: Account, row: Obj) -> None:
    row["status"] = "available"
    account.go_on()


def held(account: Account, livemode: bool) -> dict[str, int]:
    """What the account holds, ``available`` and ``pending``, in minor units of its own currency."""
    sums = {"available": 0, "pending": 0}
    for row in account["txn"].of(livemode):
        sums[row["status"]] += row["net"]
    return sums


def balance(call: Call) -> Obj:
    """What the account holds, as the API shows it."""
    currency = call.account.body["default_currency"]

    def shown(amount: int) -> list[Obj]:
        return [{"amount": amount, "currency": currency, "source_types": {"card": amount}}]

    return {
        "object": "balance", "instant_available": shown(0), "livemode": call.livemode,
        **{name: shown(amount) for name, amount in held(call.account, call.livemode).items()},
    }  # fmt: skip


def transactions(call: Call) -> Obj:
    """Balance transactions of this account, by source, currency, type, or the payout that carries them.

    Raises:
        Refusal: no such payout, one that was made by hand, or one whose rows are not yet known.
    """
    wanted = {name: call.params[name] for name in ("source", "currency", "type") if name in call.params}
    payout = call.params.get("payout")
    if payout is not None:
        _check_broken_down(call.find("po", payout, "payout", 400))

    def keep(row: Obj) -> bool:
        same = all(row[name] == value for name, value in wanted.items())
        return same and (payout is None or call.account.payout_of.get(row["id"]) == payout)

    return call.account["txn"].page(call.params, "/v1/balance_transactions", call.livemode, keep)


def _check_broken_down(payout: Obj) -> None:
    """What a payout carries is known of automatic ones only, and of those a while later."""
    if not payout["automatic"]:
        message = "Balance transaction history can only be filtered on automatic transfers, not manual."
        raise invalid(message, "payout")  # so the provider was seen to say: proudcity/wp-proudcity#993
    if payout["reconciliation_status"] != "completed":
        message = f"The balance transactions of payout {payout['id']} are not ready yet: it is still being reconciled."
        raise invalid(message, "payout", "payout_reconciliation_not_ready")
