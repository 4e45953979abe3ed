"""Planning: what a run would do, decided line by line before anything is sent."""
