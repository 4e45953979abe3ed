"""A run over workers: cut into shards, each carried out by whoever gets it, and ended once, by whoever is last."""
