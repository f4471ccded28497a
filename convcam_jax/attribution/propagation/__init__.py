"""Maps by other rules for what goes back through nonlinearities; a file for each method, and how rules are applied."""
