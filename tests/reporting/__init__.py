"""Reports of runs: what they show, held against the ledger that they are made from."""
