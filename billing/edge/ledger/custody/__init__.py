"""The ledger as a file: where it lies, who holds it, its key, and whether it is the newest copy."""
