"""Reading files: bytes, where they come from and where lines are parked, before any rule of a run file is asked."""
