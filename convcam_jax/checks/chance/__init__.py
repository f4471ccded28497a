"""Tables 3 to 5 against chance: what random masks, moved contours and swapped maps would give."""
