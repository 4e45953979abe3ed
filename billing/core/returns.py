"""A debit that came back after it had succeeded: what the bank says of it, and what would help, as a dated table.

Stripe shows it as a dispute that is lost from its first moment, of a charge on a bank account; the money is gone, and a
fee with it. (docs.stripe.com/payments/ach-direct-debit, "Disputed payments" and "Failed payments")
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from billing.core.declines import Remedy, Rule
from billing.core.dunning import after_decline
from billing.core.life import Group
from billing.core.policies import Dunning

TABLE_DATE = "2026-11-30"
# The day on which Stripe's reasons of disputes were taken from its reference (docs.stripe.com/api/disputes/object). The
# remedies are ours. The rules of the network allow another debit only of what came back for want of money, twice within
# 180 days; anything else has to be put right first. (Nacha Operating Rules, 2.12.4)

MOST_AGAIN = 2
# Debits that may follow the first one that came back for want of money. (the same)

RETURN_DAYS = 70
# How long a debit that has succeeded may still come back: a consumer's bank returns it for 60 days, and ten more are
# for banks and holidays until Stripe shows it. (docs.stripe.com/payments/ach-direct-debit, "Disputed payments")

FINAL = "lost"
# The status of a dispute whose money is gone for good.
BANK_DEBIT = "us_bank_account"
# The type of payment method whose disputes are returns: they are final, nobody can answer them.

_OTHER_METHOD = "Ask the customer for another payment method, or for a new mandate."


def _never(note: str, what_to_do: str) -> Rule:
    """Return the rule of a bank account that nobody tries again for a while, for whatever item."""
    return Rule(Remedy.NEVER, note, what_to_do, Group.NEEDS_CUSTOMER, block_card=True)


REASONS: Mapping[str, Rule] = {
    "insufficient_funds": Rule(
        Remedy.LATER,
        "not enough money on the bank account",
        "Try again in some days, best after payday: billing retry does when its time has come.",
        Group.DECLINED,
    ),
    "incorrect_account_details": _never("the details of the bank account are wrong, or it is closed", _OTHER_METHOD),
    "bank_cannot_process": _never("the bank cannot debit this account", _OTHER_METHOD),
    "debit_not_authorized": _never(
        "the customer says that the debit was not authorized, so its mandate holds no more",
        "Speak with the customer before anything is charged again; it takes a new mandate.",
    ),
    "customer_initiated": _never(
        "the customer had the bank take it back", "Speak with the customer before anything is charged again."
    ),
}
UNLISTED = Rule(
    Remedy.REPORT, "for a reason that is not in the table", "A person reads it in Stripe and decides.", Group.DECLINED
)
REFUNDED = Rule(
    Remedy.CHECK,
    "although some of it had been given back as well",
    "The customer may have the money twice: see the charge in Stripe before anything is charged again.",
    Group.DECLINED,
)
# Of a debit that was refunded before it came back, whatever the bank says.
SPENT = "Its attempts are spent: ask the customer for another payment method."


@dataclass(frozen=True, slots=True)
class Follows:
    """What follows a return: by which rule, and after which gap another debit may be made; None if time helps not."""

    rule: Rule
    gap: timedelta | None


def after_return(dunning: Dunning, reason: str, tries: int, returns: int, *, refunded: bool) -> Follows:
    """Return what follows a debit that came back.

    Args:
        dunning: of the run.
        reason: of the dispute.
        tries: how many attempts of the obligation came to nothing, this one included.
        returns: how many of them were debits that came back, this one included.
        refunded: whether some of it had been given back before.
    """
    rule = REFUNDED if refunded else REASONS.get(reason, UNLISTED)
    if rule.remedy is not Remedy.LATER:
        return Follows(rule, None)
    gap = after_decline(dunning, rule.remedy, tries).gap if returns <= MOST_AGAIN else None
    spent = replace(rule, what_to_do=SPENT, group=Group.NEEDS_CUSTOMER)
    return Follows(rule if gap is not None else spent, gap)


def table_as_markdown() -> str:
    """Return the table as the documentation shows it."""
    rows = ["| reason of the dispute | remedy | status | what happened | what to do |", "|---|---|---|---|---|"]
    named = {**{f"`{reason}`": rule for reason, rule in REASONS.items()}, "any other": UNLISTED, "refunded": REFUNDED}
    return "\n".join(
        [*rows, *(f"| {name} | {r.remedy} | {r.group} | {r.note} | {r.what_to_do} |" for name, r in named.items())]
    )
