"""The kinds of items, one room each."""
