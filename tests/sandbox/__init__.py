"""The sandbox against the provider's documented behaviour."""
