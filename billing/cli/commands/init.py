"""Write what a newcomer edits: settings, an empty sheet with every column, and a sample run."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from billing.cli.terminal import write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit

TEMPLATE_CSV = (
    "reference,customer,payment_method,account,amount,currency,application_fee,description,statement_suffix,"
    "metadata.contract\n"
)

SAMPLE_CSV = TEMPLATE_CSV + (
    "INV-0001,cus_A1,pm_A1,acct_N1,10.99,USD,0.55,November coaching,NOV26,C-77\n"
    "INV-0002,cus_A1,,acct_N2,1500,JPY,75,November coaching,NOV26,C-78\n"
    "INV-0003,cus_B2,pm_B2,acct_N1,249.00,USD,,Team coaching,NOV26,C-91\n"
)

SAMPLE_YAML = """\
# A run: what is billed, for which period, from which sheet, within which limits.
# Try it:  billing check coaching.yaml
version: 1
run: {name: coaching, period: current, timezone: UTC}   # this month: coaching-2026-11 in November 2026
mode: test                                            # live also needs a live key and --live
source: {csv: coaching.csv}
control: {items: 3, totals: {USD: "259.99", JPY: "1500"}}   # must match the sheet exactly
defaults: {application_fee_percent: 5}
limits: {per_item: {USD: 500}, max_items: 1000}
"""

FILES = {
    "template.csv": TEMPLATE_CSV,
    "coaching.csv": SAMPLE_CSV,
    "coaching.yaml": SAMPLE_YAML,
}

NEXT = (
    "Next:",
    "  {go}billing check coaching.csv --run coaching-2026-11",
    "Its ids are made up: replace them by yours before you plan it, or fill in template.csv.",
)


def command(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> int:
    """Write billing.yaml, a CSV template and a sample run.

    \b
    billing init
    billing init billing-november
    """
    from billing.edge.logs import visible
    from billing.edge.privatefile import write_private
    from billing.edge.settings.table import settings_as_yaml

    files = {"billing.yaml": settings_as_yaml(), **FILES}
    there = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if there and not force:
        raise UsageError(f"{', '.join(there)} already there in {folder}; nothing was written (--force replaces them)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error.strerror}") from None
    for name, text in files.items():
        write_private(folder / name, [text])
    go = "" if folder == Path() else f"cd {shlex.quote(visible(str(folder)))} && "
    wrote = [f"wrote {visible(str(folder / name))}" for name in files]
    write_out("".join(line + "\n" for line in [*wrote, *(line.format(go=go) for line in NEXT)]))
    return Exit.OK
