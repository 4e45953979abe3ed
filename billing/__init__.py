"""Batch billing for Stripe Connect platforms: one direct charge per item, exactly once, with a ledger to prove it."""

__version__ = "0.2.0.dev0"
