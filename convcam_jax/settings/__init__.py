"""The config of a run: the rooms' own configs put together, their defaults, and changes of single fields from text.

A new field stands in the config of its room; what is here changes when a room gets a config, or a default.
"""
