"""Words for emotions in several languages, and labels that are called by other words."""
