"""Reading files: bytes, YAML and values with their places, before any rule of a run file is asked."""
