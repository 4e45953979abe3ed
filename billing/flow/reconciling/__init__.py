"""Reconcile: read what Stripe shows of a run's accounts, hold the ledger against it, and keep what was found.

`scope` says what is compared. `reading` lists one account, `keeping` makes it durable before the next account begins,
`reconcile` is the verb. Nothing is changed at Stripe; `adopting` and `closing` are asked for by themselves.
"""
