"""What the formats of a report share: everything they show of a run, gathered from the ledger once."""
