"""What this ledger says of its money, held against what Stripe shows and books: values and rules, nothing is read here.

`shown` reads the rows of lists. `matching` says to which line a row of a balance belongs, `payouts` which payout
carries it. `kinds` is the table of what can differ, `comparing` finds it line by line, `sums` adds up both sides.
"""
