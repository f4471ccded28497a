"""Recordings: the Berlin corpus, the embedded synthetic corpus, or a corpus of one's own."""
