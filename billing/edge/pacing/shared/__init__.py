"""One rate budget for all workers of a platform: what a Pacer knows, kept in a row that they share."""
