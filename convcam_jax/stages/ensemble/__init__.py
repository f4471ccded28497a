"""The members of a run are trained in rounds, kept, and found again."""
