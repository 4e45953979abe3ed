"""Payouts: what an account's balance sends to its bank, by its schedule or when asked; how they arrive, fail and end.

Sources: docs.stripe.com/payouts, docs.stripe.com/payouts/reconciliation, docs.stripe.com/api/payouts.
"""

from functools import partial

from billing.sandbox import tariff
from billing.sandbox.banks import SECONDS_A_DAY, business_days_later
from billing.sandbox.events import record, snapshot
from billing.sandbox.funds import held, transaction
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, invalid, refusal
from billing.sandbox.shelves import fits
from billing.sandbox.world import Account, Call, World

SUBMITTED_SECONDS = SECONDS_A_DAY // 2  # from its creation to the moment when the bank has it, if it takes days at all
ERRORED = (
    "errored"  # of a bank account that returned a payout: docs.stripe.com/api/external_account_bank_accounts/object
)
UNDER_WAY = frozenset({"pending", "in_transit"})
STANDING = UNDER_WAY | {"paid"}  # a paid one may still fail
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


def schedule(account: Account) -> Obj:
    """When the account's available funds are paid out: ``interval`` is ``daily`` or ``manual``."""
    found: Obj = account.body["settings"]["payouts"]["schedule"]
    return found


def pay_out(world: World, account: Account) -> None:
    """Send what is available and not yet paid out to the account's bank: one payout a day at most.

    It carries every row since the last one, payouts that were made or returned in between too, so that it takes what
    the balance then holds.
    """
    if schedule(account)["interval"] == "manual" or account.bank["status"] == ERRORED:
        return
    for livemode in (False, True):
        rows = [row for row in account.unpaid if row["status"] == "available" and account["txn"].is_of(row, livemode)]
        total = sum(row["net"] for row in rows)
        if total <= 0:
            continue
        call = world.on(account, livemode=livemode)
        payout = _send(call, total, automatic=True)
        carried = {row["id"] for row in rows} | {payout["balance_transaction"]}
        account.payout_of |= dict.fromkeys(carried, payout["id"])
        account.unpaid = [row for row in account.unpaid if row["id"] not in carried]
        due = world.now + world.behaviour.payout_reconciliation_seconds
        world.agenda.add(due, partial(_reconciled, call, payout))


def _send(call: Call, amount: int, *, automatic: bool, **given: object) -> Obj:
    """A payout, and the row by which it leaves the balance."""
    world, account = call.world, call.account
    arrival = business_days_later(world.now, world.behaviour.payout_business_days)
    payout: Obj = {
        "id": call.new_id("po"), "object": "payout", "amount": amount, "application_fee": None,
        "application_fee_amount": None, "arrival_date": int(arrival) // SECONDS_A_DAY * SECONDS_A_DAY,
        "automatic": automatic, "balance_transaction": None, "created": world.seconds,
        "currency": account.body["default_currency"], "description": "STRIPE PAYOUT" if automatic else None,
        "destination": account.bank["id"], "failure_balance_transaction": None, "failure_code": None,
        "failure_message": None, "livemode": call.livemode, "metadata": {}, "method": "standard",
        "original_payout": None, "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable", "reversed_by": None,
        "source_type": "card", "statement_descriptor": None, "status": "pending",
        "trace_id": {"status": "pending", "value": None}, "type": "bank_account", **given,
    }  # fmt: skip
    payout["balance_transaction"] = _row(call, payout, "payout", -amount)
    account["po"].add(payout)
    record(call, "payout.created", payout)
    call = call.unasked()
    world.agenda.add(min(world.now + SUBMITTED_SECONDS, arrival), lambda: _goes(call, payout))
    world.agenda.add(arrival, lambda: _arrives(call, payout))
    return payout


def _row(call: Call, payout: Obj, kind: str, amount: int) -> str:
    row = transaction(call.world, call.account, kind=kind, amount=amount, source=payout, livemode=payout["livemode"])
    return str(row["id"])


def _goes(call: Call, payout: Obj) -> None:
    if payout["status"] == "pending":
        before = snapshot(payout)
        payout["status"] = "in_transit"
        record(call, "payout.updated", payout, before)


def _arrives(call: Call, payout: Obj) -> None:
    if payout["status"] in UNDER_WAY:
        trace = f"{payout['created']}{payout['amount']:05d}"[-15:]
        payout |= {"status": "paid", "trace_id": {"status": "supported", "value": trace}}
        record(call, "payout.paid", payout)


def _reconciled(call: Call, payout: Obj) -> None:
    payout["reconciliation_status"] = "completed"
    record(call, "payout.reconciliation_completed", payout)


def fail(call: Call, payout: Obj, code: str) -> Obj:
    """The bank returns a payout that stands, also one that was ``paid``: its money is on the balance again."""
    payout |= {"failure_code": code, "failure_message": FAILURES[code]}
    _returns(call, payout, "failed", "payout_failure")
    bank = call.account["ba"].peek(payout["destination"])
    if bank is not None and call.world.behaviour.failed_payout_stops:
        bank["status"] = ERRORED
    record(call, "payout.failed", payout)
    return payout


def _returns(call: Call, payout: Obj, status: str, kind: str) -> None:
    payout |= {"status": status, "failure_balance_transaction": _row(call, payout, kind, payout["amount"])}


def create(call: Call) -> Obj:
    """Send a part of what is available to the account's bank, by hand; which rows it takes nobody can say.

    Raises:
        Refusal: another currency than the account's, no such destination, or more than is available.
    """
    params, own = call.params, call.account.body["default_currency"]
    tariff.check_positive(params["amount"])
    if params["currency"].lower() != own:
        raise invalid(
            f"Sorry, you don't have any external accounts in that currency ({params['currency']}).", "currency"
        )
    call.find("ba", call.given("destination", call.account.bank["id"]), "destination", 400)
    if params.get("method", "standard") != "standard":
        raise invalid("The sandbox does not serve instant payouts.", "method")
    if params["amount"] > held(call.account, call.livemode)["available"]:
        message = "You have insufficient funds in your Stripe account for this transfer."
        raise refusal(message, code="balance_insufficient")
    given = {name: params[name] for name in ("description", "source_type", "statement_descriptor") if name in params}
    return _send(
        call, params["amount"], automatic=False, **given, metadata=merged({}, params.get("metadata"))
    )  # fmt: skip


def cancel(call: Call) -> Obj:
    """Take back a payout that was asked for by hand, as long as the bank does not have it.

    Raises:
        Refusal: it is automatic, or no longer pending.
    """
    payout = call.find("po", call.ids[0])
    if payout["automatic"]:
        raise refusal("Automatic payouts can't be canceled.")
    if payout["status"] != "pending":
        raise refusal(f"Payouts can only be canceled while they are pending; this one is {payout['status']}.")
    _returns(call, payout, "canceled", "payout_cancel")
    record(call, "payout.canceled", payout)
    return payout


def update(call: Call) -> Obj:
    """Change a payout's metadata."""
    payout = call.find("po", call.ids[0])
    before = snapshot(payout)
    payout["metadata"] = merged(payout["metadata"], call.params.get("metadata"))
    record(call, "payout.updated", payout, before)
    return payout


def listed(call: Call) -> Obj:
    """Payouts of this account, by status, destination or day of arrival."""
    wanted = {name: call.params[name] for name in ("status", "destination") if name in call.params}
    arrives = fits(call.params.get("arrival_date"))

    def keep(row: Obj) -> bool:
        return arrives(row["arrival_date"]) and all(row[name] == value for name, value in wanted.items())

    return call.account["po"].page(call.params, "/v1/payouts", call.livemode, keep)
