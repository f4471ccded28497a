"""The recordings of a run as arrays and in batches, and the members, each a group in a fold with a seed."""
