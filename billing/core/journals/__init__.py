"""What moved on the balances of connected accounts, as a bookkeeper writes it down: balanced, in accounts, for a file.

Whose books these are, and which rule books what: billing/core/journals/README.md.
"""
