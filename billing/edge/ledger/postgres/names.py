"""Names that the schema of a ledger in PostgreSQL, its functions and its users share."""

from billing.edge.ledger.kind_rows import VERSION

SCHEMA = "billing"
COMMENT = f"connect-billing ledger, version {VERSION}"
# Of the schema: what it is, so that another program's is never taken for a ledger, and of which version.
COPYING = "connect-billing ledger, being copied here"
# ... while a copy is made: nothing opens it.
LAW, FENCED = "BL001", "BL002"
# What a statement is refused with: a law forbids it; another process has moved the chain on.
NUMBERS = "entry_numbers"
# The sequence that every entry of the ledger takes its number from.
MAKING, PLANNING = 0x62696C310000, 0x62696C310001
# Advisory locks (of one number) that a transaction takes: to make tables, kinds or a chain; to keep a plan.
NUMBERING = 0x62696C0000000000
# With a number of an entry added: the advisory lock of a transaction that takes its numbers behind that one.
