"""Version 2 of a ledger as it was: what a sound one looks like.

Its tables and laws are those of this version. A charge that was paid was over for good: the bank could not take it
back. So only the rows of its kind are others.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from billing.edge.ledger.kind_rows import KNOWN, Rows
from billing.edge.ledger.sqlite.layout import LAYOUT as OF_TODAY
from billing.edge.ledger.sqlite.tables import differences

CAME_LATER: Rows = {
    "kinds": [],
    "transitions": [("charge", "succeeded", "payment_returned", "returned", 0, "needs")],
    "states": [("charge", "returned", 1, 1)],
}
# What the kinds say now and did not say then.

KINDS: Mapping[str, Rows] = {
    kind: {table: [row for row in each if row not in CAME_LATER[table]] for table, each in rows.items()}
    for kind, rows in KNOWN.items()
}

LAYOUT = replace(OF_TODAY, version=2, differences=partial(differences, known=KINDS))
