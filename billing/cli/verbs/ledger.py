"""Check the ledger, and print its entries."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from typing import Any

from billing.cli.books import open_books
from billing.cli.session import Common, Session, begin, run_async
from billing.cli.tables import amount
from billing.cli.terminal import write_json, write_out
from billing.core.entries import Entry
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.edge.ledger import Verification
from billing.edge.logs import visible
from billing.flow.report import known_run


def verify(common: Common) -> int:
    """Carry out `billing ledger verify`."""
    session = begin(common)

    async def verb() -> Verification:

        async with open_books(session) as ledger:
            return ledger.verify()

    found = run_async(verb)
    if session.json:
        write_json({"sound": not found.faults, **asdict(found)})
    else:
        write_out("".join(line + "\n" for line in verdict(found)))
    return Exit.STOPPED if found.faults else Exit.OK


def verdict(found: Verification) -> list[str]:
    """Write what a check found."""
    lines = [f"{found.entries:,} entries, {found.items:,} items"]
    lines += [f"  ! {visible(fault)}" for fault in found.faults]
    lines.append(f"head {found.head}")
    lines.append(
        "DAMAGED: nothing may be sent from it; a person looks"
        if found.faults
        else "sound: keep the head elsewhere as a witness"
    )
    return lines


def events(common: Common, run_id: str | None, reference: str | None) -> int:
    """Carry out `billing ledger events`."""
    session = begin(common)

    async def verb() -> None:

        async with open_books(session) as ledger:
            if run_id is not None:
                known_run(ledger, run_id)
            entries = ledger.entries(run_id, reference)
            first = next(entries, None)
            if first is None and reference is not None:
                raise UsageError(f"the ledger has no entry about {reference!r}")
            found = chain([first] if first is not None else [], entries)
            write_out(_lines(session, found))

    run_async(verb)
    return Exit.OK


def _lines(session: Session, entries: Iterator[Entry]) -> Iterator[str]:
    if not session.json:
        yield f"{'entry':>7}  {'at (UTC)':<19}  {'run':<20}  {'event':<18}  {'reference':<16}  {'amount':>16}  facts\n"
    for entry in entries:
        yield (json.dumps(_plain(entry), ensure_ascii=False) if session.json else visible(_line(entry))) + "\n"


def _plain(entry: Entry) -> dict[str, Any]:
    facts = asdict(entry) | {"facts": dict(entry.facts)}
    return {"item" if name == "item_id" else name: value for name, value in facts.items()}


def _line(entry: Entry) -> str:
    facts = " ".join(f"{name}={_fact(value)}" for name, value in entry.facts.items() if value is not None)
    money = "" if entry.amount is None else f"{entry.currency.upper()} {amount(entry.amount, entry.currency)}"
    attempt = f"attempt={entry.attempt} " if entry.attempt else ""
    at = entry.at[:19].replace("T", " ")
    return (
        f"{entry.seq:>7}  {at}  {entry.run_id:<20}  {entry.name:<18}  {entry.reference:<16}  {money:>16}  "
        f"{attempt}{facts}"
    ).rstrip()


def _fact(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
