"""One thing switched off at a time: of the analysis, from a finished run's maps, and of the training."""
