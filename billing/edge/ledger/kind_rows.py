"""What the tables of kinds say, whichever database has them, and the version of all tables."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from billing.core.kinds import LIVES
from billing.core.life import Life

VERSION = 3
# Grows with every change to a table, to a trigger, or to the table of states of a kind that there is; a kind that is
# added changes nothing. Forward only: an older program refuses a newer ledger: it would not keep the newer laws.

Rows = Mapping[str, list[tuple[object, ...]]]
# Of one kind: table -> its rows, sorted.


def rows_of(life: Life) -> Rows:
    """Return what the tables of kinds say of one kind."""
    kind = str(life.kind)
    return {
        "kinds": [(kind, str(life.scope))],
        "transitions": sorted(
            (kind, str(state), str(event), str(edge.to), int(edge.attempt), str(edge.object))
            for (state, event), edge in life.edges.items()
        ),
        "states": sorted(
            (kind, str(state), int(state in life.final), int(state in life.reopens)) for state in life.states
        ),
    }


KNOWN: Mapping[str, Rows] = {str(kind): rows_of(life) for kind, life in LIVES.items()}
# The kinds of this program.
KIND_TABLES = ("kinds", "transitions", "states")
# The tables of kinds, in each of which the first column is the kind.


@dataclass(frozen=True, slots=True)
class KindsFound:
    """How the kinds of a ledger differ from those of this program.

    Attributes:
        missing: the ledger says nothing of them, and has no run of them: they came later than it.
        newer: the ledger knows them, this program does not: a newer release wrote them.
        changed: what the ledger says of them is not what this program says, or not whole.
    """

    missing: tuple[str, ...]
    newer: tuple[str, ...]
    changed: tuple[str, ...]


def compare_kinds(
    tables: Mapping[str, Iterable[tuple[object, ...]]], used: set[object], known: Mapping[str, Rows]
) -> KindsFound:
    """Compare the kinds of a ledger with those that a program knows.

    Args:
        tables: what each of `KIND_TABLES` holds.
        used: the kinds of the ledger's runs.
        known: what the program would write.
    """
    found: dict[object, dict[str, list[tuple[object, ...]]]] = {}
    for table, rows in tables.items():
        for row in rows:
            found.setdefault(row[0], {}).setdefault(table, []).append(row)
    missing = {kind for kind in known if kind not in found and kind not in used}
    newer = {kind for kind, rows in found.items() if kind not in known and len(rows) == len(KIND_TABLES)}
    changed = {
        kind
        for kind in {*found, *known, *used} - missing - newer
        if _counted(found.get(kind, {})) != _counted(known.get(str(kind), {}))
    }
    return KindsFound(_named(missing), _named(newer), _named(changed))


def _counted(tables: Mapping[str, Sequence[tuple[object, ...]]]) -> dict[str, dict[tuple[object, ...], int]]:
    """Return the rows of each table, in no order."""
    return {name: dict(Counter(rows)) for name, rows in tables.items()}


def _named(kinds: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted(map(str, kinds)))


def compared(found: set[str], expected: set[str]) -> Iterator[str]:
    """Yield a sentence for every statement of a schema that is missing, or is not of this program."""
    for sql in sorted(expected - found):
        yield f"schema: missing or changed: {_first_words(sql)}"
    for sql in sorted(found - expected):
        yield f"schema: not of this program: {_first_words(sql)}"


def _first_words(sql: str) -> str:
    return " ".join(sql.split()[:4])
