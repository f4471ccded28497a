"""Planted evidence in natural speech: neutral recordings of people, of which one known thing is changed."""
