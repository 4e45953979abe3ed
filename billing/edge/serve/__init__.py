"""The pages of a ledger on this machine alone: a small web server that only reads, and knows no flow.

What it asks of the program stands in `billing.edge.serve.desk`.
"""
