"""Grad-CAM of convolutional networks on constant-Q spectrograms of emotional speech, as pure functions in JAX."""
