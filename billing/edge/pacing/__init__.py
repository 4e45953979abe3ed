"""How fast requests leave: whose turn it is, at which rate, how many at once."""
