"""What a scheduler runs: thin entry points that use `billing` and nothing below it."""
