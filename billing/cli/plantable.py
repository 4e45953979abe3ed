"""A plan as a person reads it before saying yes."""

from billing.cli.planrows import amendment_lines, rows_table
from billing.cli.tables import amount, duration, plural
from billing.core.estimates import Estimate
from billing.core.items import Mode
from billing.core.notices import Notice
from billing.edge.logs import visible
from billing.flow.changes import Changes, Line
from billing.flow.decisions import Plan
from billing.flow.plan import reads_share

FINEST = 0.1
# Per cent of the reads that Stripe allows; what is less is said to be less.
SHOWN, FIRST = 20, 5
# Warnings and changes a person reads on a terminal; `billing plan -o` keeps them all.


def plan_table(plan: Plan, key: str, cost: Estimate, *, share: str) -> list[str]:
    """Write a plan.

    Args:
        plan: what was decided.
        key: as it may be shown, or empty when none was used.
        cost: requests and seconds.
        share: what the estimate assumes, such as ``10/s (40 % of the limit)``.
    """
    run = plan.run
    live = "   LIVE" if run.mode is Mode.LIVE else ""
    digest = f"{plan.digest[:4]}…{plan.digest[-4:]}"
    lines = [f"Plan {digest}  {run.run_id} ({run.timezone})" + (f"   key {key}" if key else "") + live]
    lines.append(
        f"  {plural(plan.items, 'item')}   {plural(plan.customers, 'customer')}   "
        f"{plural(len(plan.accounts), 'connected account')}"
    )
    lines += ["", *rows_table(plan), ""]
    lines += amendment_lines(plan)
    if plan.run.policies.control.items is not None or plan.run.policies.control.totals:
        lines.append("  control totals match the file")
    lines += _changes(plan.changes, plan) if plan.changes else []
    lines += _first(plan.warnings)
    most = "at most " if plan.continued else ""
    lines.append(f"  estimate  {most}{plural(cost.requests, 'request')}, about {duration(cost.seconds)} at {share}")
    if plan.reads.requests:
        percent = 100 * reads_share(plan)
        part = f"{percent:.1f} %" if percent >= FINEST else f"under {FINEST} %"
        lists = plural(len(plan.accounts), "account")
        reads = f"{plural(plan.reads.requests, 'look-up')} made, {lists} to list: {part} of a month's allowance"
        lines.append(f"  reads     {reads}")
    return [visible(line) for line in lines]


def _changes(changes: Changes, plan: Plan) -> list[str]:
    parts = [f"+{changes.new:,} new", f"-{changes.gone:,} gone", f"{changes.jumps:,} changed by more than 20 %"]
    for currency, before in sorted(changes.totals_before.items()):
        if before:
            moved = 100 * (plan.totals.get(currency, 0) - before) / before
            parts.append(f"total {currency.upper()} {moved:+.1f} %")
    lines = [f"  since {changes.previous}:  " + "  ".join(parts)]
    if changes.renamed:
        lines.append(
            f"    {plural(changes.renamed, 'line')} recognised by customer and account, under another reference"
        )
    for change in changes.shown[:SHOWN]:
        now, earlier = amount(change.after, change.currency), amount(change.before, change.currency)
        under = f" as {change.was}" if change.was else ""
        money = f"{change.currency.upper()} {now} was {earlier}{under}"
        lines.append(f"  ! {change.reference}: {money} in {changes.previous} (line {change.line})")
    for word, named, count in (("new", changes.new_lines, changes.new), ("gone", changes.gone_lines, changes.gone)):
        if named:
            lines.append(f"    {word}: {_named(named, count)}")
    return lines


def _named(lines: list[Line], count: int) -> str:
    """Name the first lines of many."""
    first = lines[:FIRST]
    names = ", ".join(
        f"{each.reference} {each.currency.upper()} {amount(each.amount, each.currency)}" for each in first
    )
    return names + (f" and {count - len(first):,} more" if count > len(first) else "")


def _first(warnings: list[Notice]) -> list[str]:
    lines = [f"  ! {warning}" for warning in warnings[:SHOWN]]
    if len(warnings) > SHOWN:
        lines.append(f"  ! ... and {len(warnings) - SHOWN} more warnings")
    return lines
