"""Sounds of recordings: reading them right or refusing them, resampling, parts, and what is odd about them."""
