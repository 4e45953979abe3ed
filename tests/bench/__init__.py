"""What the promises of speed and memory are measured with. Not part of the test command: a timing is no law."""
