"""The report as a page: one file per question it answers, and `html` which puts them together."""
