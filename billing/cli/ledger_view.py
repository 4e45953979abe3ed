"""What a person or a program sees of the ledger itself: whether it is sound, and its entries."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from billing.cli.tables import priced
from billing.core.entries import Entry
from billing.edge.ledger import Verification
from billing.edge.ledger.upgraded import Upgraded
from billing.edge.logs import visible


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


def upgraded_lines(found: Upgraded) -> list[str]:
    """Write what an upgrade did."""
    if not found.changed:
        return [f"{found.path}: is of this release already (version {found.after}); nothing to do"]
    done = [f"version {found.before} is version {found.after} now"] if found.before != found.after else []
    done += [f"knows {', '.join(found.kinds)} now"] if found.kinds else []
    lines = [
        f"{found.path}: {', '.join(done)}",
        f"{found.entries:,} entries, {found.items:,} items, checked",
        f"head {found.head}",
    ]
    if found.kept:
        lines.append(f"the old ledger stays at {found.kept}; keep it until the next run has ended well")
    return lines


def upgraded_json(found: Upgraded) -> dict[str, Any]:
    """Return what an upgrade did, for a program."""
    return {
        "changed": found.changed,
        "from": found.before,
        "to": found.after,
        "kinds_added": list(found.kinds),
        "entries": found.entries,
        "items": found.items,
        "head": found.head,
        "kept": None if found.kept is None else str(found.kept),
    }


def entry_lines(entries: Iterator[Entry], *, as_json: bool) -> Iterator[str]:
    """Write entries, a line each: a table for a person, or JSON."""
    if not as_json:
        yield f"{'entry':>7}  {'at (UTC)':<19}  {'run':<20}  {'event':<18}  {'reference':<16}  {'amount':>16}  facts\n"
    for entry in entries:
        yield (json.dumps(_plain(entry), ensure_ascii=False) if as_json else visible(_line(entry))) + "\n"


def _plain(entry: Entry) -> dict[str, Any]:
    facts = asdict(entry) | {"facts": dict(entry.facts)}
    return {"item" if name == "item_id" else name: value for name, value in facts.items()}


def _line(entry: Entry) -> str:
    facts = " ".join(f"{name}={_fact(value)}" for name, value in entry.facts.items() if value is not None)
    money = "" if entry.amount is None else priced(entry.amount, entry.currency)
    attempt = f"attempt={entry.attempt} " if entry.attempt else ""
    at = entry.at[:19].replace("T", " ")
    return (
        f"{entry.seq:>7}  {at}  {entry.run_id:<20}  {entry.name:<18}  {entry.reference:<16}  {money:>16}  "
        f"{attempt}{facts}"
    ).rstrip()


def _fact(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
