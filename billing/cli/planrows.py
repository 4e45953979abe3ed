"""The rows of a plan and what its file changes, as a person reads them: every line once, with its money."""

from collections.abc import Iterator, Mapping

from billing.cli.tables import amount, amounts, lined_up, plural
from billing.core.plans import SKIPS
from billing.flow.amendment import Amended
from billing.flow.decisions import Plan
from billing.flow.sums import Row

WORDS: dict[str, str] = {
    "to_charge": "to charge",
    "not_selected": "not selected",
    "paid": "paid",
    "processing": "on its way",
    "needs_customer": "customer must act",
    "declined": "declined",
    "failed": "not paid, closed",
    "parked": "look in Stripe",
    "closing": "being closed",
}
SIGNS = {"added": "+", "changed": "~", "withdrawn": "-", "taken_up": "^"}
KINDS = {
    "added": "added",
    "changed": "changed",
    "withdrawn": "withdrawn",
    "taken_up": "taken up again, their cause is repaired",
}
SHOWN = 20


def rows_table(plan: Plan) -> list[str]:
    """Write every row with lines and money, the sheet as their sum, then the reasons of what is left out."""
    currencies = sorted(plan.sheet.totals)
    table = [["", "lines", *(code.upper() for code in currencies)]]
    table += [_cells(WORDS.get(code, f"left out: {code}"), row, currencies) for code, row in plan.rows.items()]
    if plan.set_aside:
        table.append(["invalid, set aside", f"{plan.set_aside:,}"])
    whole = Row(plan.sheet.lines + plan.set_aside, plan.sheet.totals)
    table.append(_cells("sheet", whole, currencies))
    return ["  " + line for line in lined_up(table, range(1, 2 + len(currencies)))] + list(_reasons(plan))


def _cells(label: str, row: Row, currencies: list[str]) -> list[str]:
    money = [amount(row.totals[code], code) if row.totals[code] else "-" for code in currencies]
    return [label, f"{row.lines:,}", *money]


def _reasons(plan: Plan) -> Iterator[str]:
    """Say of each reason what it means and what helps."""
    reasons = [code for code in plan.rows if code in SKIPS] + (["invalid"] if plan.set_aside else [])
    for code in reasons:
        meaning, what_to_do, _ = SKIPS[code]
        yield f"    {code}: {meaning}" + (f" ({what_to_do})" if what_to_do != "nothing" else "")


def amendment_lines(plan: Plan) -> list[str]:
    """Write what the file changes of the run on record: totals before and after, then line by line."""
    found = plan.amendment
    if plan.existing is None or not (found.counts or found.closes):
        return []
    parts = [f"{count:,} {KINDS[kind]}" for kind, count in sorted(found.counts.items())]
    lines = [f"  changes of {plan.existing.run_id}:  {', '.join(parts) or 'none of the sheet'}"]
    if found.counts:
        lines += [f"    sheet before  {_money(found.before)}", f"    sheet now     {_money(found.after)}"]
    lines += [f"    {_change(each)}" for each in found.shown[:SHOWN]]
    more = sum(found.counts.values()) - min(len(found.shown), SHOWN)
    if more:
        lines.append(f"    ... and {more:,} more: --output json shows the first hundred")
    if found.closes:
        lines.append(f"    {plural(found.closes, 'line')} closed unpaid first, after a look at what may be on its way")
    return lines


def _money(totals: Mapping[str, int]) -> str:
    return amounts({code: minor for code, minor in totals.items() if minor}) or "nothing"


def _change(each: Amended) -> str:
    sign = SIGNS[each.kind]
    place = f" (line {each.line})" if each.line else ""
    was = f", was {each.was}" if each.was else ""
    if each.changes:
        what = ", ".join(f"{change.field} {change.old or 'none'} -> {change.new or 'none'}" for change in each.changes)
    else:
        minor, currency = each.new or each.old or (0, "usd")
        what = f"{currency.upper()} {amount(minor, currency)}"
    return f"{sign} {each.reference}: {what}{was}{place}"
