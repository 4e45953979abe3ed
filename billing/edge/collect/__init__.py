"""The page on which a payer saves payment details: a small web server that knows links, languages and Stripe.js.

It imports no flow: what it asks of the program stands in `billing.edge.collect.invitations`.
"""
