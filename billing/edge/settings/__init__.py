"""Settings: a table of them, read from a file, the environment and the command line."""
