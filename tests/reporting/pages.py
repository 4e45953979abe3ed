"""Reports written as pages, and their numbers read back."""

from pathlib import Path

from billing.edge.outputs import REPORT, Target
from billing.flow.report import EVERY_LINE, Wanted
from billing.flow.reporting.html import write_html
from tests.reporting.ledgers import Made


def written(made: Made, path: Path, wanted: Wanted = EVERY_LINE) -> list[str]:
    """Write the page of a made run, and return what was said."""
    with made.read() as ledger, ledger.at_one_moment():
        return list(write_html(ledger, made.run_id, wanted, Target(path, REPORT)))


def minor(shown: str) -> int:
    """Return the minor units of an amount as pages show it."""
    return 0 if shown == "–" else int(shown.replace(",", "").replace(".", "").replace("\N{MINUS SIGN}", "-"))
