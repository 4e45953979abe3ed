"""What happens, one verb per file."""
