"""Another attempt for what was declined: who is due, with which method, in which run; carried out like a run."""
