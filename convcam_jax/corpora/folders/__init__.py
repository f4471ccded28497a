"""Folders and tables as people have them: files found by name, and text that is a table."""
