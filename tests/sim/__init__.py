"""Whole runs under seeded faults: the shipped flows, unchanged, on virtual time, against the in-process sandbox."""
