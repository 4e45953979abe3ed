"""What touches the world, one door per file."""
