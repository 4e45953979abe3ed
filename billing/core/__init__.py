"""What is true: values and rules. No clock, no randomness, no files, no network."""
