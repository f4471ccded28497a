"""The embedded corpus, whose recordings are synthesised, and recordings in which a known cue is planted."""
