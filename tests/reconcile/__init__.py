"""Ledgers held against Stripe after somebody has meddled: every deed named, none made up, sums to the minor unit."""
