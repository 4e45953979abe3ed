"""Workbooks of typed cells for people with a spreadsheet; how one is written stands in its page, README.md."""
