"""Run files by grammar: valid ones, and ones with a known place where they are wrong."""
