"""What the provider's objects show of an item: an intent, a clone. Any other error is read by `core.classify`."""
