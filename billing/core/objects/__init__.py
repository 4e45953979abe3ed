"""What the provider's objects show of an item: an intent, a clone, a refund. Other errors `core.classify` reads."""
