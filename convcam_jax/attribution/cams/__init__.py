"""Class activation maps: channels of a layer, weighted; a file for each method."""
