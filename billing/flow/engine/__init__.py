"""Carrying out: which item goes when, how long, and what stops a run. It knows no kind of item."""
