"""A plan as a person reads it before saying yes: every line in one row, what is unusual, what it takes."""

import textwrap
from collections.abc import Iterator

from billing.cli.planrows import amendment_lines, rows_table
from billing.cli.tables import WIDTH, duration, plural
from billing.cli.variances_view import variance_lines
from billing.core.changes import Changes
from billing.core.estimates import Estimate
from billing.core.items import Mode
from billing.core.kinds import LIVES
from billing.core.periods import in_words
from billing.core.policies import Attitude
from billing.core.variances import RULES, Variance, per_cent
from billing.edge.logs import visible
from billing.flow.planning.plan import reads_share
from billing.flow.planning.planned import Plan

SHOWN = 20
# Warnings a person reads on a terminal; `billing plan -o` keeps them all.
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
    """Write what is so of most months: how many lines are new and gone, and how the totals moved."""
    yield ""
    if not changes.previous:
        yield f"  the first run of {plan.run.name}: there is none before to compare it with"
        return
    over = per_cent(plan.run.policies.compare.changed_over)
    parts = (f"{changes.new.count:,} new", f"{changes.gone.count:,} gone", f"{changes.changed.count:,} changed by more")
    yield f"  since {changes.previous}   {', '.join(parts)} than {over}"
    moved = [
        f"{currency.upper()} {100 * (plan.sheet.totals.get(currency, 0) - before) / before:+.1f} %"
        for currency, before in sorted(changes.last.totals.items())
        if before
    ]
    if moved:
        yield f"    sheet {'   '.join(moved)}"
    if changes.renamed:
        yield f"    {plural(changes.renamed, 'line')} recognised by customer and account, under another reference"
    for each in plan.variances:
        if not _first_of_all(each):
            yield from variance_lines(plan, each, "    ")


def _look_first(plan: Plan) -> Iterator[str]:
    """Write what is unusual: how the run differs from the ones before, and what look-ups and file give to look at."""
    unusual = [each for each in plan.variances if _first_of_all(each)]
    notices = [str(notice) for notice in plan.warnings[:SHOWN]]
    count = len(plan.warnings) + len(unusual)
    if not count:
        return
    yield ""
    yield f"Look at {plural(count, 'thing')} first"
    for each in unusual:
        yield from variance_lines(plan, each, "  ! ")
    for text in notices:
        yield from textwrap.wrap(text, WIDTH, initial_indent="  ! ", subsequent_indent="    ")
    if len(plan.warnings) > len(notices):
        yield f"  ! and {len(plan.warnings) - len(notices):,} more: billing plan -o plan.json has all of them"


def _first_of_all(found: Variance) -> bool:
    """Tell whether a variance stands among what is to be looked at first: what most months have does not."""
    return not (RULES[found.name].usual and found.attitude is Attitude.TELL)


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
