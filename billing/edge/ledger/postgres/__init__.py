"""The ledger in PostgreSQL: many workers write it, each its own chain."""
