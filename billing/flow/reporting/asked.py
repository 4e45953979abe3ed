"""What was asked of a report that it cannot answer: names that no line has, and what was probably meant."""

import difflib
from collections.abc import Iterator
from dataclasses import fields, replace

from billing.core.errors import UsageError
from billing.core.kinds import LIVES
from billing.core.life import Group
from billing.edge.ledger import Ledger
from billing.flow.report import EVERY_LINE, Wanted

_READ: dict[str, Group] = {life.word(group).lower(): group for life in reversed([*LIVES.values()]) for group in Group}
# What people read for a status, of whatever kind -> the status.


def require_statuses(wanted: Wanted) -> None:
    """Refuse a status that no line of any report can have.

    Raises:
        UsageError: with what was probably meant, or the list of what there is.
    """
    for name in sorted(wanted.statuses - set(Group)):
        raise UsageError(f"--status {name!r} is none of {', '.join(Group)}{_meant(name)}")


def _meant(name: str) -> str:
    said = name.strip().lower().replace("_", " ").replace("-", " ")
    known = {**{str(group).replace("_", " "): group for group in Group}, **_READ}
    close = difflib.get_close_matches(said, known, n=1, cutoff=0.7)
    return f"; did you mean {known[close[0]]}?" if close else ""


def not_found(ledger: Ledger, run_id: str, wanted: Wanted) -> Iterator[str]:
    """Say which names that were asked for no line of the run has, or that none has all of them together.

    An answer without a line is an answer; it must only not be taken for one about a name that was mistyped.
    """
    alone = [
        (noun, name, replace(EVERY_LINE, **{field.name: frozenset({name})}))
        for noun, field in zip(("status", "account", "customer", "reference"), fields(Wanted), strict=True)
        for name in sorted(getattr(wanted, field.name))
    ]
    found = False
    for line in ledger.report(run_id) if alone else ():
        found = found or wanted.takes(line)
        alone = [each for each in alone if not each[2].takes(line)]
        if found and not alone:
            return
    yield from (f"{run_id} has no line of {noun} {name}" for noun, name, _ in alone)
    if not found and not alone and wanted != EVERY_LINE:
        yield f"{run_id} has no line that is all of this: {wanted.said}"
