"""Texts from outside, whichever door they come by: what they may hold, YAML with its places, single values."""
