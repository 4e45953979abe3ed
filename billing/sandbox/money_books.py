"""The true books of money: every row of every balance with the payout that carries it, and what became of each charge.

Drawn from the objects themselves, vanished ones left out, and never through the lists that the API shows.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from billing.sandbox.disputes import is_final
from billing.sandbox.refusals import Obj
from billing.sandbox.world import Account

GONE = frozenset({"failed", "canceled"})  # refunds that gave nothing back in the end


@dataclass(frozen=True, slots=True)
class RowBook:
    """One balance transaction: ``amount - fee = net`` minor units of ``currency``, the account's own.

    Attributes:
        fees: what ``fee`` consists of, by type.
        charge: the charge behind its source, if there is one; of a platform's fee it is on the account that paid it.
        payout: the automatic payout that carries it, none as long as it is on the balance.
    """

    row: str
    account: str
    category: str
    type: str
    amount: int
    fee: int
    net: int
    currency: str
    fees: Mapping[str, int]
    rate: float | None
    created: int
    available_on: int
    source: str
    charge: str | None
    payout: str | None


@dataclass(frozen=True, slots=True)
class ChargeBook:
    """One charge, whoever made it, in minor units of its own currency.

    Attributes:
        intent: none of a stranger's charge.
        taken: captured, before anything went back.
        refunded: on its way back or there; what banks returned is not in it.
        disputed: withdrawn by disputes and not reinstated.
        returned: the part of ``disputed`` that was born lost, as returned bank debits are.
        warned: its issuer suspects fraud.
    """

    charge: str
    account: str
    intent: str | None
    status: str
    amount: int
    currency: str
    metadata: Mapping[str, str]
    application_fee: int
    taken: int
    refunded: int
    disputed: int
    returned: int
    warned: bool


@dataclass(frozen=True, slots=True)
class PayoutBook:
    """One payout, in minor units of the account's currency; ``failed``: its money came back."""

    payout: str
    account: str
    amount: int
    currency: str
    status: str
    automatic: bool
    created: int
    arrival_date: int

    @property
    def failed(self) -> bool:
        """Whether its money is on the balance again."""
        return self.status in GONE


def row_books(account: Account) -> Iterator[RowBook]:
    """Every row of an account's balance, oldest first."""
    for row in account["txn"]:
        fees: defaultdict[str, int] = defaultdict(int)
        for detail in row["fee_details"]:
            fees[detail["type"]] += detail["amount"]
        yield RowBook(
            row["id"], account.id, row["reporting_category"], row["type"], row["amount"], row["fee"], row["net"],
            row["currency"], dict(fees), row["exchange_rate"], row["created"], row["available_on"], row["source"],
            _charge_of(account, row["source"]), account.payout_of.get(row["id"]),
        )  # fmt: skip


def _charge_of(account: Account, source: str) -> str | None:
    body = account.shown(source)
    if body is None:
        return None
    return source if body["object"] == "charge" else body.get("charge")


def charge_books(account: Account) -> Iterator[ChargeBook]:
    """Every charge of an account, oldest first."""
    refunds, disputes = _by_charge(account, "re"), _by_charge(account, "dp")
    warned = _by_charge(account, "issfr")
    for charge in account["ch"]:
        wanted = charge["id"]
        held = [row for row in disputes[wanted] if _withdrawn(row)]
        yield ChargeBook(
            wanted, account.id, charge["payment_intent"], charge["status"], charge["amount"], charge["currency"],
            dict(charge["metadata"]), charge["application_fee_amount"] or 0, charge["amount_captured"],
            refunded=sum(row["amount"] for row in refunds[wanted] if _gives_back(account, row)),
            disputed=sum(row["amount"] for row in held),
            returned=sum(row["amount"] for row in held if is_final(row)), warned=bool(warned[wanted]),
        )  # fmt: skip


def _by_charge(account: Account, prefix: str) -> defaultdict[str, list[Obj]]:
    found: defaultdict[str, list[Obj]] = defaultdict(list)
    for row in account[prefix]:
        found[row["charge"]].append(row)
    return found


def _gives_back(account: Account, refund: Obj) -> bool:
    """Whether a refund stands; what was only held and let go of was never taken, and is none."""
    if refund["status"] in GONE:
        return False
    row = account["txn"].peek(refund["balance_transaction"] or "")
    released = row is None or row["reporting_category"] == "partial_capture_reversal"
    return not released or "pending_reason" in refund


def _withdrawn(dispute: Obj) -> bool:
    """Whether a dispute holds money: more rows took some than brought it back."""
    return bool(sum(row["amount"] for row in dispute["balance_transactions"]) < 0)


def payout_books(account: Account) -> Iterator[PayoutBook]:
    """Every payout of an account, oldest first."""
    for row in account["po"]:
        yield PayoutBook(
            row["id"], account.id, row["amount"], row["currency"], row["status"], row["automatic"], row["created"],
            row["arrival_date"],
        )  # fmt: skip
