"""Deletion and insertion: what a network answers while the cells that its map marks are taken away or brought back."""
