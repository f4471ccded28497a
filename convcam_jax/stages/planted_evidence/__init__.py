"""Planted evidence: networks are trained on each variant, explained and scored, and the results are written."""
