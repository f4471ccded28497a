"""Networks of `keras.applications`, layer for layer, and their files of weights."""
