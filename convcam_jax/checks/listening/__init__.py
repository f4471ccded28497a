"""What a map marks made audible: recordings with some of their cells only, and what the networks answer to them."""
