"""What a scheduler runs: thin entry points that use the library."""
