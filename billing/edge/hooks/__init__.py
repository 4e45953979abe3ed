"""The door through which Stripe tells that something has happened."""
