"""Planted evidence: maps of networks whose classes differ by one known cue, scored against the cells that carry it."""
