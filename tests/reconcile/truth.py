"""What the sandbox's own shelves say of a run's money: drawn up from its rows and objects, by none of our rules."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from billing.core.entries import ItemRecord
from billing.sandbox.model import Sandbox

Obj = Mapping[str, Any]
PLACES = ("paid_out", "on_its_way", "held")


@dataclass(frozen=True, slots=True)
class Truth:
    """By (account, currency of settlement), minor units: what Stripe booked of a run, and where that is."""

    net: Counter[tuple[str, str]]
    where: Counter[tuple[str, str, str]]


def everything(shelf: Any) -> Iterator[Obj]:
    """Every object that ever was on a shelf, vanished ones too."""
    yield from shelf._rows


def truth_of(sandbox: Sandbox, run_id: str) -> Truth:
    """Add up the rows of each account that belong to a payment of the run, by what its charge says."""
    net: Counter[tuple[str, str]] = Counter()
    where: Counter[tuple[str, str, str]] = Counter()
    for account in sandbox.world.accounts.values():
        charges = {one["id"]: one for one in everything(account["ch"])}
        owner = {
            one["id"]: one["charge"] for kind in ("re", "dp") for one in everything(account[kind])
        } | {name: name for name in charges}  # fmt: skip
        fees = {one["id"]: one["charge"] for one in everything(sandbox.world.platform["fee"])}
        owner |= {one["id"]: fees[one["fee"]] for one in everything(sandbox.world.platform["fr"])}
        for row in account["txn"]:
            charge = charges.get(owner.get(row["source"], ""))
            if charge is None or run_of(account, charge) != run_id:
                continue
            net[account.id, row["currency"]] += row["net"]
            where[account.id, row["currency"], place(account, row)] += row["net"]
    return Truth(net, where)


def run_of(account: Any, charge: Obj) -> str:
    intents = {one["id"]: one for one in everything(account["pi"])}
    said = charge["metadata"].get("billing_run") or intents.get(charge["payment_intent"], {}).get("metadata", {}).get(
        "billing_run", ""
    )
    return str(said)


def place(account: Any, row: Obj) -> str:
    """Where the money of a row is: with a bank, under way, or back on the balance after a payout that failed."""
    payouts = {one["id"]: one for one in account["po"]}
    payout = payouts.get(account.payout_of.get(row["id"]))
    while payout is not None and payout["reconciliation_status"] == "completed":
        if payout["status"] == "paid":
            return "paid_out"
        if payout["status"] not in ("failed", "canceled"):
            return "on_its_way"
        later = payouts.get(account.payout_of.get(payout["failure_balance_transaction"]))
        if later is None or later["reconciliation_status"] != "completed":
            return "held"
        payout = later
    return "on_its_way"


def expected_net(sandbox: Sandbox, items: list[ItemRecord], refunds: list[ItemRecord]) -> Counter[tuple[str, str]]:
    """What the ledger says its accounts should have: each paid line less the fees of its own charge, less refunds.

    Fees are Stripe's to say, what a dispute cost that was won included. All else is taken from the lines, converted as
    the line's own charge was.
    """
    net: Counter[tuple[str, str]] = Counter()
    for item in items:
        if str(item.state) == "succeeded":
            _paid(sandbox, net, item)
    for item in refunds:
        if str(item.state) in ("succeeded", "settled", "unsettled"):
            account = sandbox.world.accounts[item.account]
            rows = [row for row in account["txn"] if row["source"] == item.object_id]
            fee = sum(row["fee"] for row in rows)
            currency = rows[0]["currency"] if rows else item.currency
            net[item.account, currency] -= _converted(item.amount, item.currency, rows[0] if rows else None) + fee
    return net


def _paid(sandbox: Sandbox, net: Counter[tuple[str, str]], item: ItemRecord) -> None:
    account = sandbox.world.accounts[item.account]
    rows = [row for row in account["txn"] if row["source"] == item.facts["charge"]]
    row = rows[0] if rows else None
    currency = item.currency if row is None else row["currency"]
    won = {one["id"] for one in account["dp"] if one["charge"] == item.facts["charge"] and one["status"] == "won"}
    kept = sum(one["fee"] for one in account["txn"] if one["source"] in {item.facts["charge"], *won})
    net[item.account, currency] += _converted(item.amount, item.currency, row) - kept


def _converted(minor: int, currency: str, row: Obj | None) -> int:
    """The rate of a row turns minor units of what was charged into those it is settled in; halves go to even."""
    if row is None or row["exchange_rate"] is None or row["currency"] == currency:
        return minor
    return abs(row["amount"])
