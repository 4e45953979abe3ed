"""A stateful Stripe to rehearse against: a pure model, and a thin HTTP server over it."""
