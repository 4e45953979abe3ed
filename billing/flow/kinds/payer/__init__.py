"""Payers: platform customers who save payment details, by an invitation of ours that each of them answers."""
