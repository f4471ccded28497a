"""The networks as the peers have them, in Keras and in PyTorch: layer for layer those of this project."""
