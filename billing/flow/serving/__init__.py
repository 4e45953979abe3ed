"""What the pages of `billing serve` show, read from the ledger alone (`billing.edge.serve` is the server)."""
