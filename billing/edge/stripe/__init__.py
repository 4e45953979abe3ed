"""Stripe's door: requests leave here, answers are read here."""
