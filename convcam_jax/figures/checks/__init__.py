"""Figures of the checks of the maps."""
