"""What the tables of kinds say, whichever database has them, and the version of all tables."""

from collections.abc import Mapping

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
