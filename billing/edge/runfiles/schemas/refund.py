"""Run files of refunds: one charge given back a line. ``billing reverse`` writes them."""

import re

from billing.core.items import FeeBack, Kind, Refund
from billing.core.money import Money
from billing.edge.runfiles.amounts import Amounts
from billing.edge.runfiles.fields import ACCOUNT, CUSTOMER, REFERENCE_LENGTH, Ids, read_reference
from billing.edge.runfiles.schema import Cells, Column, Defaults, MoneyReader, Schema, id_column
from billing.edge.texts.problems import FieldError, suggestion
from billing.edge.texts.safe_text import BLANKS, quoted

_AMOUNT = ("amount",)
INTENT = Ids("a payment intent", ("pi",))
CHARGE = Ids("a charge", ("ch", "py"))
_FEES = tuple(str(fee) for fee in FeeBack)
RUN_LENGTH = 100
_RUN = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{RUN_LENGTH - 1}}}")


def _fee(text: str) -> str:
    """Whether the platform's share goes back too: never guessed, because keeping it costs the connected account."""
    word = text.strip(BLANKS).lower()
    if not word:
        raise FieldError("fee", "missing", "fee is empty", "refund gives the platform's share back, keep does not")
    if word not in _FEES:
        raise FieldError("fee", "fee_word", f"fee {quoted(word)} is unknown", suggestion(word, _FEES))
    return word


def read_run(text: str) -> str:
    """The run whose charge it is."""
    text = text.strip(BLANKS)
    if not _RUN.fullmatch(text):
        raise FieldError("of_run", "of_run", f"of_run {quoted(text)} is not a run id", "the run that made the charge")
    return text


def _money(_defaults: Defaults, decimal: str) -> MoneyReader:
    """Read amount and currency: of the whole charge, as it was approved."""
    amounts = Amounts(decimal)

    def read(cells: Cells) -> tuple[int, str]:
        major, code = cells
        currency = amounts.currency(code)
        return amounts.needed((*_AMOUNT, ""), (major, ""), currency), currency

    return read


def _refund(
    reference: str,
    of_run: str,
    account: str,
    customer: str,
    payment_intent: str,
    charge: str | None,
    fee: str,
    amount: int,
    currency: str,
) -> Refund:
    return Refund(
        reference, account, customer, payment_intent, charge or "", Money(amount, currency), FeeBack(fee), of_run
    )


REFUNDS = Schema(
    kind=Kind.REFUND,
    word="refunds",
    columns=(
        Column("reference", read_reference, required=True, longest=REFERENCE_LENGTH),
        Column("of_run", read_run, required=True, longest=RUN_LENGTH, few=True),
        id_column("account", ACCOUNT, required=True, few=True),
        id_column("customer", CUSTOMER, required=True),
        id_column("payment_intent", INTENT, required=True),
        id_column("charge", CHARGE),
        Column("amount"),
        Column("currency", required=True),
        Column("fee", _fee, required=True, few=True),
    ),
    amounts=_AMOUNT,
    money=_money,
    build=_refund,
    tells=frozenset({"payment_intent"}),
)
