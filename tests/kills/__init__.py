"""Real kills: the installed command in real processes against the sandbox over HTTP, struck from outside alone."""
