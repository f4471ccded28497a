"""What changes with the seed: maps, metrics, cells of the tables and the paper's statements."""
