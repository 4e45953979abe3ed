"""The balance of a customer: a credit (negative) or a debt that their next invoice takes into account.

Source: docs.stripe.com/billing/customer/balance.
"""

from billing.sandbox.refusals import Obj
from billing.sandbox.tariff import MINIMUM
from billing.sandbox.world import Account


def balanced(account: Account, customer: str, total: int, currency: str) -> Obj:
    """What an invoice over ``total`` minor units asks for, after the customer's balance; the fields that say so.

    What is less than the smallest charge is asked for with a later invoice (docs.stripe.com/invoicing/customer).
    """
    held = account["cus"].peek(customer)
    start: int = held["balance"] if held and total else 0
    due = max(total + start, 0)
    if due < MINIMUM.get(currency, 1):
        due = 0
    return {
        "amount_due": due, "amount_remaining": due, "starting_balance": start, "ending_balance": total + start - due,
    }  # fmt: skip


def spend_balance(account: Account, invoice: Obj, due: Obj) -> None:
    """An invoice is final: what it took of the balance is gone from there."""
    invoice |= due
    _move(account, invoice, due["ending_balance"] - due["starting_balance"])


def give_back_balance(account: Account, invoice: Obj) -> None:
    """An invoice is void: what it took of the balance returns."""
    if invoice["ending_balance"] is not None:
        _move(account, invoice, invoice["starting_balance"] - invoice["ending_balance"])


def _move(account: Account, invoice: Obj, by: int) -> None:
    customer = account["cus"].peek(invoice["customer"])
    if customer is not None:
        customer["balance"] += by
