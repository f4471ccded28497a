"""Sounds of one tone, and of noise."""

import numpy as np

RATE_HZ = 16000


def sine(frequency_hz: float, duration_s: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)


def noise(*shape: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).normal(size=shape)
