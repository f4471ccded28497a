"""Checks of the maps beyond the paper, a package each, with a config where there is something to set; no files here."""
