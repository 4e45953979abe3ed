"""The rows of a plan and what its file changes, as a person reads them: every line once, with its money."""

import textwrap
from collections.abc import Iterator, Mapping

from billing.cli.tables import WIDTH, amounts, money_table, plural, priced
from billing.core.item_rules import SkipReason
from billing.core.kinds import LIVES
from billing.core.life import Group, Life
from billing.core.planrows import CLOSING, NOT_SELECTED, TO_CHARGE
from billing.core.skips import SKIPS
from billing.flow.planning.amendment import Amended
from billing.flow.planning.planned import Plan
from billing.flow.planning.sums import Row

ROW_WORDS: dict[str, str | Group] = {
    # row of a plan: what a person reads, or the group that each kind has a word for; skip reasons have their own words
    TO_CHARGE: "to {verb}",
    NOT_SELECTED: "not selected",
    "paid": Group.SUCCEEDED,
    "processing": Group.PROCESSING,
    "needs_customer": Group.NEEDS_CUSTOMER,
    "declined": "declined",
    "failed": Group.FAILED,
    "parked": Group.PARKED,
    CLOSING: "being closed unpaid",
}
SKIP_WORDS: dict[str, str] = {
    # skip reasons in few words, as a label beside money; those not here are said by their meaning
    "already_paid": "{done} earlier",
    "processing_elsewhere": "on its way elsewhere",
    "closed_elsewhere": "ended elsewhere",
    "in_other_run": "open in another run",
    "paid_elsewhere": "paid by another ledger",
    "declined_elsewhere": "declined, another ledger",
    "opened_elsewhere": "opened by another ledger",
    "account_unknown": "account is not connected",
    "account_is_platform": "account is the platform",
    "account_cannot_charge": "account cannot charge",
    "customer_unknown": "no such customer",
    "no_payment_method": "no payment method saved",
    "method_unknown": "no such payment method",
    "method_of_other_customer": "method of another customer",
    "method_not_clonable": "method cannot be copied",
    "method_not_for_currency": "method not for currency",
    "method_not_for_account": "method not for account",
    "method_expired": "card has expired",
    "method_blocked": "bank account is blocked",
    "card_blocked": "card declined for good",
    "returned": "paid, and came back",
    "suffix_too_long": "statement text too long",
    "no_answer": "Stripe gave no answer",
    "default_moved": "default method changed",
    "already_refunded": "given back by others",
    "partly_refunded": "partly given back by others",
    "amount_differs": "another amount was charged",
    "disputed": "in dispute",
    "not_refundable": "no such paid charge",
    "link_over": "not answered, link is over",
    "method_removed": "no payment method any more",
    "customer_deleted": "customer was deleted",
    "link_gone": "deleted on its account",
    "over_already": "over already",
    "ending_already": "ends with its period already",
    "not_ours": "not of the run it names",
    "no_subscription": "no such subscription",
    "price_unknown": "no such price",
    "price_not_recurring": "price is not of each period",
    "price_unread": "Stripe did not say the price",
    "customer_has_credit": "credit or discount of its own",
    "starts_too_soon": "starts within hours",
    "withdrawn": "taken out of the sheet",
    "corrected": "corrected in the sheet",
    "cancelled": "cancelled",
    "closed_before_loss": "closed, then begun anew",
    "invalid": "set aside: invalid",
}
SIGNS = {"added": "+", "changed": "~", "withdrawn": "-", "taken_up": "^"}
CHANGED = {
    "added": "added",
    "changed": "changed",
    "withdrawn": "withdrawn",
    "taken_up": "taken up again, their cause is repaired",
}
SHOWN = 20


def row_words(code: str, life: Life) -> str:
    """Return the label of a row, 28 characters at most."""
    words = ROW_WORDS.get(code) or SKIP_WORDS.get(code) or code.replace("_", " ")
    words = (
        life.word(words) if isinstance(words, Group) else words.format(verb=life.verb, done=life.word(Group.SUCCEEDED))
    )
    return words[:28]


def rows_table(plan: Plan) -> Iterator[str]:
    """Write every line of the sheet in one row, with its money, and what keeps lines from being charged."""
    life = LIVES[plan.run.kind]
    rows = [(row_words(code, life), row) for code, row in plan.rows.items()]
    if plan.set_aside:
        rows.append((row_words("invalid", life), Row(plan.set_aside)))
    sheet = Row(plan.sheet.lines + plan.set_aside, plan.sheet.totals)
    yield from (f"  {line}" for line in money_table([*rows, ("sheet", sheet)]))
    control = plan.run.policies.control
    if control.items is not None or control.totals:
        yield "  The sheet's control totals agree."
    for code, row in plan.rows.items():
        yield from _remedy(code, row.lines, life)
    if plan.set_aside:
        yield from _remedy("invalid", plan.set_aside, life)


def _remedy(code: str, count: int, life: Life) -> Iterator[str]:
    """Say what would help lines that are left out, where anything would."""
    _, what_to_do, good = SKIPS.get(code, SkipReason("", "", good=True))
    if not good and code not in ROW_WORDS:
        yield from textwrap.wrap(f"  {count:,} {row_words(code, life)}: {what_to_do}", WIDTH, subsequent_indent="    ")


def amendment_lines(plan: Plan) -> list[str]:
    """Write what the file changes of the run on record: totals before and after, then line by line."""
    found = plan.amendment
    if plan.existing is None or not (found.counts or found.closes):
        return []
    parts = [f"{count:,} {CHANGED[kind]}" for kind, count in sorted(found.counts.items())]
    lines = ["", f"Changes of {plan.existing.run_id}: {', '.join(parts) or 'none of the sheet'}"]
    if found.counts:
        lines += [f"  sheet before  {_money(found.before)}", f"  sheet now     {_money(found.after)}"]
    for each in found.shown[:SHOWN]:
        lines += textwrap.wrap(f"  {_change(each)}", WIDTH, subsequent_indent="      ")
    more = sum(found.counts.values()) - min(len(found.shown), SHOWN)
    if more:
        lines.append(f"  and {more:,} more: --output json shows the first hundred")
    if found.closes:
        lines.append(f"  {plural(found.closes, 'line')} closed unpaid first, after a look at what may be on its way")
    return lines


def _money(totals: Mapping[str, int]) -> str:
    return amounts({code: minor for code, minor in totals.items() if minor}) or "nothing"


def _change(each: Amended) -> str:
    sign = SIGNS[each.how]
    place = f" (line {each.line})" if each.line else ""
    was = f", was {each.was}" if each.was else ""
    if each.changes:
        what = ", ".join(f"{change.field} {change.old or 'none'} -> {change.new or 'none'}" for change in each.changes)
    else:
        what = priced(*(each.new or each.old or (0, "usd")))
    told = f": {what}" if what else ""
    return f"{sign} {each.reference}{told}{was}{place}"
