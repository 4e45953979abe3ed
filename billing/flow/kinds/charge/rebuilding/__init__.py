"""A lost ledger made anew from what Stripe lists."""
