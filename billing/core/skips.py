"""Why a line is left out of a run, as the plan and the report say it: reasons of every kind of items, and of each."""

from billing.core.classify import ACCOUNT_CODES
from billing.core.item_rules import SkipReason
from billing.core.kinds.rules import RULES

COMMON: dict[str, SkipReason] = {
    "already_paid": SkipReason("paid in another run of this period", "nothing", good=True),
    "processing_elsewhere": SkipReason("a payment of another run is on its way", "follow it there: billing settle"),
    "closed_elsewhere": SkipReason("another run ended this obligation unpaid", "see the report of that run"),
    "in_other_run": SkipReason("another run holds this obligation and has not finished it", "finish that run first"),
    "paid_elsewhere": SkipReason("another ledger has charged this", "see the report of that ledger"),
    "declined_elsewhere": SkipReason(
        "another ledger has tried this, and it was declined", "the run takes the decline over: see its report"
    ),
    "opened_elsewhere": SkipReason(
        "another ledger has opened this with other content, or corrected it since",
        "finish it with that ledger, and see its report",
    ),
    "withdrawn": SkipReason("taken out of the sheet before it was paid", "nothing", good=True),
    "corrected": SkipReason(
        "corrected in the sheet before it was paid; its next line stands for it", "nothing", good=True
    ),
    "cancelled": SkipReason("cancelled by the operator", "nothing", good=True),
    "closed_before_loss": SkipReason(
        "ended unpaid before the ledger was lost; why is not known, and its next line stands for it",
        "nothing",
        good=True,
    ),
    "account_unknown": SkipReason("the connected account is not connected to this platform", "correct the account id"),
    "account_is_platform": SkipReason("the account is the platform itself", "name the connected account that sells"),
}
# Reasons that a line of any kind may have.

SKIPS: dict[str, SkipReason] = {
    **COMMON,
    **{code: reason for rules in RULES.values() for code, reason in rules.skips.items()},
    "invalid": SkipReason("the line is invalid and was set aside", "correct the line and add it with --amend"),
}
# All of them, in the order in which a plan shows them.

CLOSED_BY_FILE = frozenset({"withdrawn", "corrected"})
# Skips that a change of the sheet made. The line itself may come back; nothing takes it up by itself.
OPERATORS = CLOSED_BY_FILE | {"cancelled"}
# Skips that a person decided. Every other one is a finding, and ends when what it found is repaired.
CLOSED_BEFORE_LOSS = "closed_before_loss"
# What a rebuild says of every generation but the last: the intents show that these ended, and not why.
HELD_BY_ANOTHER = frozenset({"paid_elsewhere", "opened_elsewhere"})
# Reasons of an item that was left because another ledger has charged it, or may: it is as good as paid.
PASSING = frozenset[str]().union(*(rules.passing for rules in RULES.values()))
# Reasons that the ledger itself knows and that pass with time; every other one can be looked for.
TAKEN_BACK = "returned"
# Of an item that had succeeded, and that the provider took back.
OF_THE_ACCOUNT = ACCOUNT_CODES | {"account_unknown", "account_cannot_charge"}
# Reasons of a failure that are about the connected account: nothing of the line was wrong, so it is taken up again.
TAKEN_UP_AGAIN = OF_THE_ACCOUNT.union(*(rules.again for rules in RULES.values()))
# These, and what time alone has ended.
