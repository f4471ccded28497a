"""Planted evidence for others: the benchmark as a folder, and maps that any toolkit made of its recordings."""
