"""What `billing doctor` finds of a ledger: where it lies, and whether it is sound."""

from pathlib import Path

from billing.cli.books import open_books
from billing.cli.findings import Finding, Verdict, failed
from billing.cli.session import Session
from billing.cli.tables import plural
from billing.core.errors import BillingError, LedgerMissing
from billing.core.exits import Exit
from billing.edge.ledger.custody.location import file_system, ledger_path, mounts
from billing.edge.ledger.moving import gone_to
from billing.edge.ledger_url import is_postgres


async def ledger_findings(session: Session) -> list[Finding]:
    """Look at the place of the ledger, and check all of it; nothing is locked."""
    places: list[Finding] = []
    try:
        url = session.settings.ledger
        places = _on_a_server(url) if is_postgres(url) else [_in_a_file(ledger_path(url))]
        async with open_books(session) as ledger:
            found, moved = ledger.verify(), ledger.moved
    except LedgerMissing as error:
        return [*places, _none_yet(url, error)]
    except BillingError as error:
        return [*places, failed("ledger", error)]
    if found.faults:
        text = f"{plural(len(found.faults), 'fault')} that two looks found, first: {found.faults[0]}"
        return [*places, Finding(Verdict.FAIL, "ledger", text, "restore the newest copy", int(Exit.STOPPED))]
    if moved:
        return [*places, Finding(Verdict.FAIL, "ledger", gone_to(moved), "", int(Exit.USAGE))]
    text = f"sound: {found.entries:,} entries, {found.items:,} items, head {found.head[:16]}"
    return [*places, Finding(Verdict.OK, "ledger", text)]


def _in_a_file(path: Path) -> Finding:
    return Finding(Verdict.OK, "ledger file", f"{path} on {file_system(path, mounts()) or 'unknown'}")


def _on_a_server(url: str) -> list[Finding]:
    from billing.edge.ledger.postgres.examining import examine

    rows = {True: (Verdict.OK, Exit.OK), None: (Verdict.WARN, Exit.OK), False: (Verdict.FAIL, Exit.STOPPED)}
    found = [(*rows[each.good], each) for each in examine(url)]
    return [Finding(verdict, each.about, each.found, each.do, int(code)) for verdict, code, each in found]


def _none_yet(url: str, error: BillingError) -> Finding:
    none = Finding(Verdict.OK, "ledger", "none yet; the first plan or run makes one")
    if is_postgres(url) or (path := ledger_path(url)).parent.is_dir():
        return none
    folder = path.parent
    return Finding(Verdict.FAIL, "ledger", f"there is no folder {folder}", f"mkdir -p {folder}", int(error.exit_code))
