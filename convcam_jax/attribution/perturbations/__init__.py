"""Maps of what the score becomes when parts of the input are silenced; a file for each method, and segments."""
