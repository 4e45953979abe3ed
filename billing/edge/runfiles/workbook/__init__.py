"""Workbooks: what is in the package, how it is streamed, and what a cell says to whoever looks at it."""
