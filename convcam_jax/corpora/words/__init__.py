"""Words for emotions and genders in several languages, and labels that are called by other words."""
