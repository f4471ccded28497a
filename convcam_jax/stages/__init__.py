"""The steps of the experiments, one module each; `experiments/` puts them in order.

A step reads and writes files, and leaves the computing to the pure functions of the other modules.
"""
