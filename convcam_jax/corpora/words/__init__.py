"""Words for emotions in several languages, their spelling, and labels that are called by other words."""
