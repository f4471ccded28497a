"""Convolutions, poolings, normalisation and products that are fast on each backend; they know no network.

To change how something is computed, change it here; the tests compare every kernel with the plain definition.
"""
