"""Sanity checks: maps of networks with randomised weights or shuffled labels beside those of the trained ones."""
