"""How a row of an outturn looks, the same on every page and in every workbook: its tone, and the words beside it.

A tone is a colour and the one shape of its icon; nothing is told by the colour alone.
"""

from collections.abc import Mapping
from enum import StrEnum


class Tone(StrEnum):
    """A colour and a shape, in the order in which bars show them."""

    PAID = "paid"
    WAY = "way"
    CUST = "cust"
    AGAIN = "again"
    FINAL = "final"
    UNK = "unk"
    SKIP = "skip"


TONES: Mapping[str, Tone] = {
    "paid": Tone.PAID,
    "on_its_way": Tone.WAY,
    "customer_must_act": Tone.CUST,
    "declined_for_now": Tone.AGAIN,
    "declined_for_good": Tone.FINAL,
    "no_answer_yet": Tone.UNK,
    "look_in_stripe": Tone.UNK,
    "not_paid": Tone.FINAL,
    "account_refuses": Tone.CUST,
    "not_yet": Tone.SKIP,
    "nothing_owed": Tone.SKIP,
    "left_out": Tone.SKIP,
}
# Of each row of an outturn (`billing.flow.outturn.ROWS`).
NOT_CHARGED = frozenset({"nothing_owed", "left_out"})
# Rows of lines that the run does not try to charge; all others are what there is to charge.
FEARED = ("paid", "no_answer_yet")
# Rows that are shown even at 0: did it work, and is anything in doubt?
