"""A ledger copied from one database into another, so that it goes on there: `billing ledger copy`."""
