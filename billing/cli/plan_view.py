"""A plan as a person reads it before saying yes: every line in one row, what is unusual, what it takes."""

import textwrap
from collections.abc import Iterator

from billing.cli.planrows import amendment_lines, rows_table
from billing.cli.tables import WIDTH, amount, duration, plural, priced
from billing.core.estimates import Estimate
from billing.core.items import Mode
from billing.core.kinds import LIVES
from billing.core.periods import in_words
from billing.edge.logs import visible
from billing.flow.planning.changes import Change, Changes, Line
from billing.flow.planning.plan import reads_share
from billing.flow.planning.planned import Plan

SHOWN, FIRST = 20, 5
# Warnings and changes a person reads on a terminal; `billing plan -o` keeps them all.
FINEST = 0.1
# Per cent of the reads that Stripe allows; what is less is said to be less.


def plan_table(plan: Plan, key: str, cost: Estimate, *, share: str) -> list[str]:
    """Write a plan.

    Args:
        plan: what was decided.
        key: as it may be shown, or empty when none was used.
        cost: requests and seconds.
        share: what the estimate assumes, such as ``10/s (40 % of the limit)``.
    """
    lines = [*_head(plan, key), "", *rows_table(plan), *amendment_lines(plan)]
    if plan.changes is not None:
        lines += _changes(plan.changes, plan)
    lines += _look_first(plan)
    lines += ["", *_takes(plan, cost, share)]
    return [visible(line) for line in lines]


def _head(plan: Plan, key: str) -> Iterator[str]:
    run = plan.run
    mode = "LIVE" if run.mode is Mode.LIVE else "TEST"
    title = f"{run.run_id}    {LIVES[run.kind].noun} for {in_words(run.period)}"
    yield title + mode.rjust(max(WIDTH - len(title), 6))
    counts = [plural(plan.items + plan.set_aside, "line"), plural(plan.customers, "customer")]
    if plan.sheet_accounts:  # none of what happens on the platform itself
        counts.append(plural(len(plan.sheet_accounts), "account"))
    yield "   ".join([*counts, f"times: {run.timezone}"])
    yield f"plan {plan.digest[:8]}" + (f"   key {key}" if key else "")


def _changes(changes: Changes, plan: Plan) -> Iterator[str]:
    yield ""
    parts = [f"{changes.new:,} new", f"{changes.gone:,} gone", f"{changes.jumps:,} changed by more than 20 %"]
    yield f"  since {changes.previous}   {', '.join(parts)}"
    moved = [
        f"{currency.upper()} {100 * (plan.sheet.totals.get(currency, 0) - before) / before:+.1f} %"
        for currency, before in sorted(changes.totals_before.items())
        if before
    ]
    if moved:
        yield f"    sheet {'   '.join(moved)}"
    if changes.renamed:
        yield f"    {plural(changes.renamed, 'line')} recognised by customer and account, under another reference"
    for word, named, count in (("new", changes.new_lines, changes.new), ("gone", changes.gone_lines, changes.gone)):
        if named:
            yield from textwrap.wrap(f"    {word}: {_named(named, count)}", WIDTH, subsequent_indent="      ")


def _named(lines: list[Line], count: int) -> str:
    """Name the first lines of many."""
    first = lines[:FIRST]
    names = ", ".join(f"{each.reference} {priced(each.amount, each.currency)}".rstrip() for each in first)
    return names + (f" and {count - len(first):,} more" if count > len(first) else "")


def _look_first(plan: Plan) -> Iterator[str]:
    """Write what is unusual: amounts that jumped, and what the look-ups and the file give reason to look at."""
    changes = plan.changes
    jumps = [] if changes is None else [_jump(change, changes.previous) for change in changes.shown[:SHOWN]]
    notices = [str(notice) for notice in plan.warnings[:SHOWN]]
    count = len(plan.warnings) + (0 if changes is None else changes.jumps)
    if not count:
        return
    yield ""
    yield f"Look at {plural(count, 'thing')} first"
    for text in [*jumps, *notices]:
        yield from textwrap.wrap(text, WIDTH, initial_indent="  ! ", subsequent_indent="    ")
    if count > len(jumps) + len(notices):
        yield f"  ! and {count - len(jumps) - len(notices):,} more: billing plan -o plan.json has all of them"


def _jump(change: Change, previous: str) -> str:
    now, earlier = amount(change.after, change.currency), amount(change.before, change.currency)
    under = f" as {change.was}" if change.was else ""
    money = f"{change.currency.upper()} {now}, was {earlier}{under} in {previous}"
    return f"{change.reference}: {money} (line {change.line:,})"


def _takes(plan: Plan, cost: Estimate, share: str) -> Iterator[str]:
    if plan.left.lines:
        yield f"Takes about {duration(cost.seconds)}: at least {plural(cost.requests, 'request')} at {share}."
    if plan.reads.requests:
        yield _reads(plan)


def _reads(plan: Plan) -> str:
    """Write what the look-ups took of the reads that Stripe allows in a month, those of the run included."""
    percent = 100 * reads_share(plan)
    part = f"{percent:.1f} %" if percent >= FINEST else f"under {FINEST} %"
    made = plural(plan.reads.requests, "look-up")
    listed = f", {plural(len(plan.accounts), 'account')} to list" if plan.accounts else ""
    return f"{made} made{listed}: {part} of a month's allowance."
