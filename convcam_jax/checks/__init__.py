"""Checks of the maps beyond the paper, one package each, with its own config; nothing here reads or writes files."""
